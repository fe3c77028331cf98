import { readFileSync } from "node:fs";

export interface PasswdEntry {
  readonly userName: string;
  readonly home: string;
}

/**
 * The entry of a user id; undefined when there is none (containers with arbitrary ids) or the
 * file cannot be read. Read by us: the C library's lookup would need its own process or FFI.
 */
export function passwdEntry(
  uid: number,
  readPasswd: () => string = () => readFileSync("/etc/passwd", "utf8"),
): PasswdEntry | undefined {
  let text: string;
  try {
    text = readPasswd();
  } catch {
    return undefined;
  }
  for (const line of text.split("\n")) {
    // name:password:uid:gid:comment:home:shell
    const fields = line.split(":");
    if (fields.length >= 6 && fields[2] === String(uid)) {
      return { userName: fields[0] ?? "", home: fields[5] ?? "" };
    }
  }
  return undefined;
}
