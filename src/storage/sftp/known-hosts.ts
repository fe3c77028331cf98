/** What the files of known hosts say about the key that a server showed. */
export type HostKeyVerdict = "known" | "unknown" | "changed" | "revoked";

interface HostName {
  readonly host: string;
  readonly port: number;
}

interface Line {
  readonly isRevoked: boolean;
  readonly keyType: string;
  /** Base64, as it is written. */
  readonly key: string;
}

/**
 * Lines of OpenSSH's known_hosts (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): names as patterns with
 * `*`, `?` and `!`, `[host]:port` for other ports than 22, or hashed. Authorities of certificates
 * are left out, as the client below us knows no host certificates.
 */
export class KnownHosts {
  readonly #lines: readonly Line[];

  /** `text`: the files, one after the other. */
  constructor(text: string, server: HostName) {
    const name = server.port === 22 ? server.host : `[${server.host}]:${server.port}`;
    this.#lines = text.split("\n").flatMap((line) => parseLine(line, name.toLowerCase()) ?? []);
  }

  /** Types of the keys that are known of the server: it is to show one of them. */
  keyTypes(): readonly string[] {
    const types = this.#lines.filter(({ isRevoked }) => !isRevoked).map(({ keyType }) => keyType);
    return [...new Set(types)];
  }

  judge(key: Uint8Array): HostKeyVerdict {
    const text = key.toBase64();
    const same = this.#lines.filter((line) => line.key === text);
    if (same.some(({ isRevoked }) => isRevoked)) return "revoked";
    if (same.length > 0) return "known";
    return this.keyTypes().includes(keyTypeOf(key)) ? "changed" : "unknown";
  }
}

/** As `ssh-keygen -l` shows it. */
export function fingerprintOf(key: Uint8Array): string {
  const digest = new Bun.CryptoHasher("sha256").update(key).digest();
  return `SHA256:${new Uint8Array(digest).toBase64({ omitPadding: true })}`;
}

/** The first field of a key: its type, behind its length in four bytes. */
export function keyTypeOf(key: Uint8Array): string {
  if (key.byteLength < 4) return "";
  const length = new DataView(key.buffer, key.byteOffset, key.byteLength).getUint32(0);
  return new TextDecoder().decode(key.subarray(4, 4 + length));
}

/** undefined: a comment, another host's, or a line that nobody can use. */
function parseLine(text: string, name: string): Line | undefined {
  const fields = text.trim().split(/\s+/);
  const marker = fields[0]?.startsWith("@") === true ? fields.shift() : undefined;
  const [names, keyType, key] = fields;
  if (names === undefined || keyType === undefined || key === undefined) return undefined;
  if (names.startsWith("#") || (marker !== undefined && marker !== "@revoked")) return undefined;
  return isNamed(names, name) ? { isRevoked: marker !== undefined, keyType, key } : undefined;
}

function isNamed(names: string, name: string): boolean {
  if (names.startsWith("|1|")) return isHashOf(names, name);
  let isFound = false;
  for (const pattern of names.toLowerCase().split(",")) {
    if (pattern.startsWith("!")) {
      if (matches(pattern.slice(1), name)) return false;
    } else if (matches(pattern, name)) isFound = true;
  }
  return isFound;
}

/** `|1|salt|HMAC-SHA1 of the name under the salt`, both in base64. */
function isHashOf(text: string, name: string): boolean {
  const [, , salt = "", hash = ""] = text.split("|");
  try {
    const hasher = new Bun.CryptoHasher("sha1", Buffer.from(Uint8Array.fromBase64(salt)));
    return hasher.update(name).digest("base64") === hash;
  } catch {
    return false;
  }
}

function matches(pattern: string, name: string): boolean {
  const literal = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${literal.replaceAll("*", ".*").replaceAll("?", ".")}$`).test(name);
}
