import type { BackendMessage } from "./message-codec.ts";
import { BodyReader, encodeMessage, int32Field, textField } from "./message-codec.ts";
import { DatabaseError } from "./server-error.ts";

/** What an authentication needs of the connection that is being opened. */
export interface AuthenticationContext {
  /** `host:port`: for messages. */
  readonly where: string;
  readonly user: string;
  /** Asked for only when the server wants one. */
  readonly password: () => string | undefined;
  readonly serverCertificate: Uint8Array | undefined;
  send(message: Uint8Array): Promise<void>;
  /** The next authentication message; errors of the server reject. */
  receive(): Promise<BackendMessage>;
}

const OK = 0;
const CLEARTEXT = 3;
const MD5 = 5;
const SASL = 10;
const SASL_CONTINUE = 11;
const SASL_FINAL = 12;
const UNSUPPORTED: Readonly<Record<number, string>> = {
  2: "Kerberos V5",
  6: "SCM credentials",
  7: "GSSAPI",
  9: "SSPI",
};

/** Answers whatever the server asks until it says that the user is who it claims to be. */
export async function authenticate(context: AuthenticationContext): Promise<void> {
  for (;;) {
    const { kind, reader } = read(await context.receive());
    if (kind === OK) {
      reader.end();
      return;
    }
    if (kind === CLEARTEXT) {
      await context.send(encodeMessage("p", textField(needPassword(context))));
    } else if (kind === MD5) {
      const hash = md5Password(context.user, needPassword(context), reader.bytes(4));
      await context.send(encodeMessage("p", textField(hash)));
    } else if (kind === SASL) {
      await authenticateSasl(context, reader);
    } else {
      throw new DatabaseError(
        `${context.where}: the server wants ${methodName(kind)}, which is not supported`,
        { hint: "Let pg_hba.conf ask for scram-sha-256, a certificate or peer." },
      );
    }
  }
}

function methodName(kind: number): string {
  return UNSUPPORTED[kind] ?? `authentication ${kind}`;
}

async function authenticateSasl(context: AuthenticationContext, offer: BodyReader): Promise<void> {
  // Loaded late: hashing costs start-up time, and most connections are trusted sockets.
  const { ScramExchange, SCRAM, SCRAM_PLUS, certificateBinding } = await import("./scram.ts");
  const mechanisms: string[] = [];
  for (let name = offer.text(); name !== ""; name = offer.text()) mechanisms.push(name);
  const certificate = context.serverCertificate;
  const channelBinding =
    certificate !== undefined && mechanisms.includes(SCRAM_PLUS)
      ? certificateBinding(certificate)
      : undefined;
  if (channelBinding === undefined && !mechanisms.includes(SCRAM)) {
    throw new DatabaseError(`${context.where}: no common SASL mechanism: ${mechanisms.join(", ")}`);
  }
  const exchange = new ScramExchange({ password: needPassword(context), channelBinding });
  const first = new TextEncoder().encode(exchange.first());
  await context.send(
    encodeMessage("p", textField(exchange.mechanism), int32Field(first.byteLength), first),
  );
  const serverFirst = await expectText(context, SASL_CONTINUE);
  const final = new TextEncoder().encode(exchange.final(serverFirst));
  await context.send(encodeMessage("p", final));
  exchange.verify(await expectText(context, SASL_FINAL));
}

async function expectText(context: AuthenticationContext, expected: number): Promise<string> {
  const { kind, reader } = read(await context.receive());
  if (kind !== expected) {
    throw new DatabaseError(`${context.where}: SASL step ${expected} expected, got ${kind}`);
  }
  return new TextDecoder().decode(reader.rest());
}

function read(message: BackendMessage): { kind: number; reader: BodyReader } {
  const reader = new BodyReader(message);
  return { kind: reader.int32(), reader };
}

function needPassword(context: AuthenticationContext): string {
  const password = context.password();
  if (password !== undefined && password !== "") return password;
  const user = JSON.stringify(context.user);
  throw new DatabaseError(
    `${context.where}: the server wants a password of user ${user}, and none is set`,
    { hint: "Set PGPASSWORD, or add a line to the password file (PGPASSFILE, ~/.pgpass)." },
  );
}

/** `md5` + MD5(MD5(password + user) + salt), as the protocol wants it. */
function md5Password(user: string, password: string, salt: Uint8Array): string {
  const inner = new Bun.CryptoHasher("md5").update(password + user).digest("hex");
  return `md5${new Bun.CryptoHasher("md5").update(inner).update(salt).digest("hex")}`;
}
