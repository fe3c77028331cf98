// Proves SCRAM-SHA-256 by the numbers of RFC 7677, and that a server which does not know the
// password, answers out of turn or asks for the impossible is refused.
import { describe, expect, test } from "vitest";
import {
  certificateBinding,
  ScramExchange,
} from "../../../../../src/database/postgres/wire/scram.ts";

const NONCE = "rOprNGfwEbeRWgbNEkqO";
const SERVER_FIRST =
  "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

/**
 * The RFC names the user in the first message and PostgreSQL does not, so proof and signature
 * differ from its text; these two are what its formulas give, by Python's hashlib.
 */
const FINAL =
  "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=qvT2SWdEH5Q06albL+hjSYuUhCG7VndFyzIb7CK4n9k=";
const SERVER_FINAL = "v=3HO6Qt1M4MKJrmlKaoOqLAI0/0TV0HZe7J9H3MBtSOg=";

function exchange(password = "pencil"): ScramExchange {
  return new ScramExchange({ password, channelBinding: undefined, nonce: NONCE });
}

describe("SCRAM-SHA-256", () => {
  test("answers as the formulas of the RFC want and accepts the right signature", () => {
    const scram = exchange();
    expect(scram.mechanism).toBe("SCRAM-SHA-256");
    expect(scram.first()).toBe(`n,,n=,r=${NONCE}`);
    expect(scram.final(SERVER_FIRST)).toBe(FINAL);
    scram.verify(SERVER_FINAL);
  });

  test("binds the channel when there is a certificate", () => {
    const channelBinding = new Uint8Array([1, 2, 3]);
    const scram = new ScramExchange({ password: "pencil", channelBinding, nonce: NONCE });
    expect(scram.mechanism).toBe("SCRAM-SHA-256-PLUS");
    expect(scram.first()).toBe(`p=tls-server-end-point,,n=,r=${NONCE}`);
    const bound = Buffer.from("p=tls-server-end-point,,\u0001\u0002\u0003").toString("base64");
    expect(scram.final(SERVER_FIRST)).toMatch(new RegExp(`^c=${bound.replaceAll("+", "\\+")},r=`));
  });

  test("takes a password for what it means, not for how it is typed", () => {
    // A fullwidth letter and a soft hyphen, which RFC 4013 maps away.
    const typed = exchange("ｐen\u00adcil");
    typed.first();
    expect(typed.final(SERVER_FIRST)).toBe(FINAL);
  });

  test("makes a nonce of its own for each exchange", () => {
    const first = () => new ScramExchange({ password: "x", channelBinding: undefined }).first();
    expect(first()).toMatch(/^n,,n=,r=[A-Za-z0-9+/]{24}$/);
    expect(first()).not.toBe(first());
  });

  test.each([
    ["a flipped bit", SERVER_FINAL.replace("=", "=A").slice(0, SERVER_FINAL.length)],
    ["a signature cut short", SERVER_FINAL.slice(0, -8)],
    ["an empty signature", "v="],
    ["nothing", ""],
  ])("refuses a server that proves itself by %s", (_, final) => {
    const scram = exchange();
    scram.final(SERVER_FIRST);
    expect(() => scram.verify(final)).toThrow(/could not prove/);
  });

  test("refuses a proof before any exchange", () => {
    expect(() => exchange().verify(SERVER_FINAL)).toThrow(/could not prove/);
  });

  test("names the reason that the server gives", () => {
    const scram = exchange();
    scram.final(SERVER_FIRST);
    expect(() => scram.verify("e=invalid-proof")).toThrow(/refused: invalid-proof/);
  });

  test.each([
    ["another nonce", SERVER_FIRST.replace("r=rO", "r=xO")],
    ["no nonce of its own", `r=${NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`],
    ["no salt", SERVER_FIRST.replace(/,s=[^,]*/, "")],
    ["no iterations", SERVER_FIRST.replace("i=4096", "i=0")],
    ["endless iterations", SERVER_FIRST.replace("i=4096", "i=99999999")],
    ["nothing", ""],
  ])("refuses a first message with %s", (_, serverFirst) => {
    expect(() => exchange().final(serverFirst)).toThrow(/SCRAM authentication failed/);
  });
});

describe("the binding of a certificate", () => {
  const certificate = (algorithm: string) =>
    Uint8Array.fromHex(
      derSequence(`${derSequence("05")}${derSequence(`06${hexLength(algorithm)}${algorithm}`)}`),
    );

  test.each([
    ["SHA-256", "2a864886f70d01010b", 32],
    ["SHA-1, which counts as SHA-256", "2a864886f70d010105", 32],
    ["SHA-384", "2a8648ce3d040303", 48],
    ["SHA-512", "2a864886f70d01010d", 64],
  ])("is the hash that it is signed with: %s", (_, algorithm, sizeBytes) => {
    expect(certificateBinding(certificate(algorithm))?.byteLength).toBe(sizeBytes);
  });

  test("is none where the RFC leaves the hash open, or the bytes are no certificate", () => {
    expect(certificateBinding(certificate("2b6570"))).toBeUndefined();
    const whole = certificate("2a864886f70d01010b");
    for (let size = 0; size < whole.byteLength; size += 1) {
      expect(certificateBinding(whole.subarray(0, size))).toBeUndefined();
    }
  });
});

function derSequence(hex: string): string {
  return `30${hexLength(hex)}${hex}`;
}

function hexLength(hex: string): string {
  return (hex.length / 2).toString(16).padStart(2, "0");
}
