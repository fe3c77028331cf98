import { join } from "node:path";
import { buildGoSource } from "./go-install.ts";

const FOLDER = join(import.meta.dirname, "walg-libraries");

/** A process of the Go libraries that WAL-G encrypts with: bytes in, bytes out. */
export async function runWalgLibrary(
  action:
    | "dare-encrypt-aes"
    | "dare-encrypt-chacha"
    | "dare-encrypt-1.0"
    | "dare-decrypt"
    | "openpgp-decrypt",
  argument: string,
  input: Uint8Array,
): Promise<Uint8Array> {
  const program = await installWalgLibraries();
  const child = Bun.spawn([program, action, argument], {
    stdin: Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, complaint] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) === 0) return output;
  throw new Error(`${action}: ${complaint.trim()}`);
}

/** For the hook that builds it. */
export const WALG_LIBRARIES_HOOK_TIMEOUT_MS = 5 * 60_000;

export async function installWalgLibraries(): Promise<string> {
  return await buildGoSource({
    name: "walg-libraries",
    folder: FOLDER,
    duration: "half a minute",
  });
}
