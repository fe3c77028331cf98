// Proves that the two sides of a catchup read each other's short messages as they were meant, and
// that messages of strangers, cut ones and offers that make no sense are errors.
import { describe, expect, test } from "vitest";
import {
  decodeOffer,
  encodeOffer,
  Letters,
  type OfferedCatchup,
} from "../../../../src/database/postgres/catchup-letters.ts";
import type { CatchupPeer } from "../../../../src/database/postgres/catchup-peer.ts";
import { CATCHUP_MAGIC } from "../../../../src/database/postgres/catchup-wire.ts";
import { toLsn } from "../../../../src/delta/lsn.ts";
import { ByteReader } from "../../../../src/stream/byte-reader.ts";
import { concatBytes, type Stage } from "../../../../src/stream/byte-stream.ts";

const HELLO = {
  systemIdentifier: 0xf123_4567_89ab_cdefn,
  majorVersion: "15",
  timeline: 3,
  knownLsn: toLsn(0x12_3456_7890n),
  reachedLsn: toLsn(0x12_3456_7891n),
};
const OFFER: OfferedCatchup = {
  offer: {
    name: "base_000000030000000000000012",
    systemIdentifier: 0xf123_4567_89ab_cdefn,
    pgVersion: 150_018,
    timeline: 3,
    sinceLsn: toLsn(1n),
    startLsn: toLsn(0x1234_5678_9abcn),
  },
  tablespaces: [{ oid: "16400", location: '/mnt/ts "1"' }],
};

const flipped: Stage = async function* (input) {
  for await (const chunk of input) yield chunk.map((byte) => byte ^ 0x55);
};

/** A peer whose words come back to itself. */
function echo(stage: Stage = flipped) {
  const sent: Uint8Array[] = [];
  const peer: CatchupPeer = {
    name: "peer:1",
    received: (async function* () {
      yield* sent;
    })(),
    send: async (bytes) => {
      sent.push(bytes.slice());
    },
    endSending: async () => {},
    part: async () => {},
    [Symbol.dispose]: () => {},
  };
  const reader = new ByteReader(peer.received);
  return { sent, letters: new Letters(peer, { reader, encrypt: stage, decrypt: stage }) };
}

describe("letters", () => {
  test("come out as they went in", async () => {
    const { sent, letters } = echo();
    sent.push(CATCHUP_MAGIC);
    await letters.sendHello(HELLO);
    await letters.sendResult({ error: "no space" });
    await letters.sendResult({ error: undefined });
    await letters.readMagic();
    expect(await letters.readHello()).toEqual(HELLO);
    expect(await letters.readResult()).toEqual({ error: "no space" });
    expect(await letters.readResult()).toEqual({ error: undefined });
    expect(new TextDecoder().decode(concatBytes(sent))).not.toContain("no space");
  });

  test("a stranger's, and silence, are told from them", async () => {
    const stranger = echo();
    stranger.sent.push(new TextEncoder().encode("GET / HTTP/1.1"));
    await expect(stranger.letters.readMagic()).rejects.toThrow("speaks otherwise");
    await expect(echo().letters.readMagic()).rejects.toThrow("said nothing");
  });

  test("every cut is an error", async () => {
    const { sent, letters } = echo();
    await letters.sendHello(HELLO);
    const whole = concatBytes(sent);
    for (let length = 0; length < whole.byteLength; length += 1) {
      const cut = echo();
      cut.sent.push(whole.slice(0, length));
      await expect(cut.letters.readHello()).rejects.toThrow("hung up");
    }
  });

  test("one that is too long or of another format is an error", async () => {
    const long = echo();
    long.sent.push(new Uint8Array([0, 0, 0x20, 0]));
    await expect(long.letters.readHello()).rejects.toThrow("too long");
    const other = echo();
    await other.letters.sendResult({ error: "x" });
    await expect(other.letters.readHello()).rejects.toThrow("format");
  });
});

describe("the offer", () => {
  test("comes out as it went in", () => {
    expect(decodeOffer(encodeOffer(OFFER.offer, OFFER.tablespaces))).toEqual(OFFER);
  });

  test.each([
    ["no JSON", "x"],
    ["a missing field", '{"name":"a"}'],
    ["a tablespace with a path", encodeOffer(OFFER.offer, [{ oid: "../x", location: "/a" }])],
    ["a place that is not absolute", encodeOffer(OFFER.offer, [{ oid: "1", location: "a" }])],
    ["an LSN that is none", encodeOffer(OFFER.offer, []).replace("0/1", "zero")],
  ])("is refused with %s", (_title, text) => {
    expect(() => decodeOffer(text)).toThrow();
  });
});
