/**
 * SCRAM-SHA-256 as a client (RFC 5802, RFC 7677), with channel binding `tls-server-end-point`
 * (RFC 5929) where the connection has one.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";
import { DatabaseError } from "./server-error.ts";

export const SCRAM = "SCRAM-SHA-256";
export const SCRAM_PLUS = "SCRAM-SHA-256-PLUS";

/** The server decides how long we compute; more than this is an attack or a mistake. */
const ITERATIONS_MAX = 10_000_000;

export interface ScramOptions {
  readonly password: string;
  /** Hash of the server's certificate; undefined: no channel binding. */
  readonly channelBinding: Uint8Array | undefined;
  /** Only for tests: else 18 random bytes. */
  readonly nonce?: string;
}

/** One exchange: `first()` is sent, its answer goes to `final`, whose answer goes to `verify`. */
export class ScramExchange {
  readonly #options: ScramOptions;
  readonly #nonce: string;
  readonly #gs2Header: string;
  #serverSignature: Uint8Array | undefined;

  constructor(options: ScramOptions) {
    this.#options = options;
    this.#nonce = options.nonce ?? randomBytes(18).toString("base64");
    this.#gs2Header = options.channelBinding === undefined ? "n,," : "p=tls-server-end-point,,";
  }

  get mechanism(): string {
    return this.#options.channelBinding === undefined ? SCRAM : SCRAM_PLUS;
  }

  /** PostgreSQL takes the user from the start-up packet and ignores the one here. */
  first(): string {
    return `${this.#gs2Header}${this.#firstBare()}`;
  }

  final(serverFirst: string): string {
    const { nonce, salt, iterations } = parseServerFirst(serverFirst);
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) {
      throw scramError("the server's nonce does not continue ours");
    }
    const password = saslPrep(this.#options.password);
    const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
    const clientKey = hmac(salted, "Client Key");
    const storedKey = createHash("sha256").update(clientKey).digest();
    const binding = this.#options.channelBinding ?? new Uint8Array(0);
    const bound = Buffer.concat([Buffer.from(this.#gs2Header), binding]).toString("base64");
    const withoutProof = `c=${bound},r=${nonce}`;
    const message = `${this.#firstBare()},${serverFirst},${withoutProof}`;
    const signature = hmac(storedKey, message);
    const proof = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0));
    this.#serverSignature = hmac(hmac(salted, "Server Key"), message);
    return `${withoutProof},p=${Buffer.from(proof).toString("base64")}`;
  }

  /** Proves that the server knows the password too. */
  verify(serverFinal: string): void {
    const expected = this.#serverSignature;
    const refusal = /^e=([^,]*)/.exec(serverFinal)?.[1];
    if (refusal !== undefined) throw scramError(`the server refused: ${refusal}`);
    const encoded = /^v=([A-Za-z0-9+/=]+)/.exec(serverFinal)?.[1];
    const given = Buffer.from(encoded ?? "", "base64");
    if (
      expected === undefined ||
      given.byteLength !== expected.byteLength ||
      !timingSafeEqual(given, expected)
    ) {
      throw scramError("the server could not prove that it knows the password");
    }
  }

  #firstBare(): string {
    return `n=,r=${this.#nonce}`;
  }
}

function parseServerFirst(text: string): { nonce: string; salt: Buffer; iterations: number } {
  const match = /^r=([!-+\--~]+),s=([A-Za-z0-9+/]+={0,2}),i=([0-9]{1,8})(?:,|$)/.exec(text);
  const [, nonce, salt, count] = match ?? [];
  const iterations = Number(count);
  if (nonce === undefined || salt === undefined || !(iterations >= 1)) {
    throw scramError("the server's first message is malformed");
  }
  if (iterations > ITERATIONS_MAX) throw scramError(`${iterations} iterations are too many`);
  return { nonce, salt: Buffer.from(salt, "base64"), iterations };
}

/**
 * RFC 4013 as far as PostgreSQL applies it: other spaces become a space, invisible characters
 * go, the rest is normalised. A password that has none of them stays as it is.
 */
function saslPrep(password: string): string {
  return password
    .replace(/[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g, " ")
    .replace(
      /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/g,
      "",
    )
    .normalize("NFKC");
}

function hmac(key: Uint8Array, data: string): Buffer {
  return createHmac("sha256", key).update(data).digest();
}

function scramError(detail: string): DatabaseError {
  return new DatabaseError(`SCRAM authentication failed: ${detail}`);
}

/** DER of the object identifiers of signature algorithms → hash for `tls-server-end-point`. */
const SIGNATURE_HASHES: readonly (readonly [string, string])[] = [
  ["2a864886f70d010104", "sha256"], // md5WithRSA, which counts as SHA-256
  ["2a864886f70d010105", "sha256"], // sha1WithRSA, likewise
  ["2a864886f70d01010b", "sha256"],
  ["2a864886f70d01010c", "sha384"],
  ["2a864886f70d01010d", "sha512"],
  ["2a8648ce3d0401", "sha256"], // ecdsa-with-SHA1, likewise
  ["2a8648ce3d040302", "sha256"],
  ["2a8648ce3d040303", "sha384"],
  ["2a8648ce3d040304", "sha512"],
];

/**
 * The channel binding of a certificate (DER): its hash by the algorithm it is signed with.
 * undefined for algorithms that RFC 5929 leaves open (Ed25519, RSA-PSS).
 */
export function certificateBinding(certificate: Uint8Array): Uint8Array | undefined {
  const identifier = signatureAlgorithm(certificate);
  const hash = SIGNATURE_HASHES.find(([known]) => known === identifier)?.[1];
  if (hash === undefined) return undefined;
  return new Uint8Array(createHash(hash).update(certificate).digest());
}

/** Certificate = SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { OID … } … } */
function signatureAlgorithm(certificate: Uint8Array): string | undefined {
  const outer = derElement(certificate, 0);
  const signed = outer && derElement(certificate, outer.start);
  const algorithm = signed && derElement(certificate, signed.end);
  const identifier = algorithm && derElement(certificate, algorithm.start);
  if (identifier?.tag !== 0x06) return undefined;
  return Buffer.from(certificate.subarray(identifier.start, identifier.end)).toString("hex");
}

function derElement(
  bytes: Uint8Array,
  offset: number,
): { readonly tag: number; readonly start: number; readonly end: number } | undefined {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  let sizeBytes = first < 0x80 ? first : 0;
  for (let index = 0; index < lengthBytes; index += 1) {
    sizeBytes = sizeBytes * 256 + (bytes[offset + 2 + index] ?? 0);
  }
  const start = offset + 2 + lengthBytes;
  const end = start + sizeBytes;
  return end <= bytes.byteLength ? { tag, start, end } : undefined;
}
