// Proves the answers to each request for authentication, and that a server which skips its own
// proof, or wants what we have not, is refused. The server is a list of its messages.
import { describe, expect, test } from "vitest";
import {
  type AuthenticationContext,
  authenticate,
} from "../../../../../src/database/postgres/wire/authentication.ts";
import {
  type BackendMessage,
  encodeMessage,
  int32Field,
  textField,
} from "../../../../../src/database/postgres/wire/message-codec.ts";

const OK = request(0);

function request(kind: number, ...fields: Uint8Array[]): BackendMessage {
  return { type: "R", body: encodeMessage("R", int32Field(kind), ...fields).subarray(5) };
}

async function run(
  server: readonly BackendMessage[],
  change: Partial<AuthenticationContext> = {},
): Promise<string[]> {
  const sent: string[] = [];
  const left = [...server];
  await authenticate({
    where: "db:5432",
    user: "backup",
    password: () => "sesame",
    serverCertificate: undefined,
    send: async (message) => {
      sent.push(new TextDecoder().decode(message.subarray(5)));
    },
    receive: async () => {
      const next = left.shift();
      if (next === undefined) throw new Error("the server has said all");
      return next;
    },
    ...change,
  });
  expect(left).toEqual([]);
  return sent;
}

describe("authentication", () => {
  test("sends nothing to a server that trusts", async () => {
    expect(await run([OK])).toEqual([]);
  });

  test("sends the password when it is asked for in clear", async () => {
    expect(await run([request(3), OK])).toEqual(["sesame\0"]);
  });

  test("sends the salted MD5 of password and user", async () => {
    const salt = new Uint8Array([1, 2, 3, 4]);
    // By md5sum: md5(md5("sesamebackup") as hex, then the salt).
    expect(await run([request(5, salt), OK])).toEqual(["md538854ee0dc9751f33fce0b93ca89dc04\0"]);
  });

  test("never takes a server's word that skips the proof of SCRAM", async () => {
    const offer = request(10, textField("SCRAM-SHA-256"), new Uint8Array(1));
    await expect(run([offer, OK])).rejects.toThrow(/SASL step 11 expected, got 0/);
  });

  test("never sends a password in clear after it has begun SCRAM", async () => {
    const offer = request(10, textField("SCRAM-SHA-256"), new Uint8Array(1));
    await expect(run([offer, request(3), OK])).rejects.toThrow(/SASL step 11 expected, got 3/);
  });

  test("names mechanisms that are not known", async () => {
    const offer = request(10, textField("OAUTHBEARER"), new Uint8Array(1));
    await expect(run([offer])).rejects.toThrow(/db:5432: no common SASL mechanism: OAUTHBEARER/);
  });

  test.each([
    [7, "GSSAPI"],
    [9, "SSPI"],
    [2, "Kerberos V5"],
    [99, "authentication 99"],
  ])("says that method %d is not supported", async (kind, name) => {
    await expect(run([request(kind)])).rejects.toThrow(`the server wants ${name}`);
  });

  test.each([undefined, ""])("says that no password is set (%j)", async (password) => {
    await expect(run([request(3)], { password: () => password })).rejects.toThrow(
      'the server wants a password of user "backup", and none is set',
    );
  });

  test("refuses a request that is cut short", async () => {
    await expect(run([request(5, new Uint8Array(3))])).rejects.toThrow(/too short/);
    await expect(run([{ type: "R", body: new Uint8Array(2) }])).rejects.toThrow(/too short/);
    const offer = request(10, textField("SCRAM-SHA-256"));
    await expect(run([offer])).rejects.toThrow(/a text without end/);
  });
});
