/**
 * The words that start a command which the caller does not wait for. A shell stands between, as it
 * ends with 0 whatever happens: where PostgreSQL is the first process of a container, orphans
 * become its children, and it takes any other end of one for a crash of its own.
 */
export function detachedWords(command: readonly string[]): string[] {
  return ["/bin/sh", "-c", '"$@"; exit 0', "sh", ...command];
}
