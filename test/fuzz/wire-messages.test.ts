// Messages of the server come back as they were sent, however the network cuts them; whatever else
// it sends is waited for or refused with one kind of error. The seed is in the titles.
import { expect, test } from "vitest";
import {
  type BackendMessage,
  decodeColumns,
  decodeReport,
  decodeRow,
  encodeMessage,
  int32Field,
  MessageDecoder,
  textField,
} from "../../src/database/postgres/wire/message-codec.ts";
import { DatabaseError } from "../../src/database/postgres/wire/server-error.ts";
import { cutAtRandom, mutatedBytes, randomBytes } from "../support/mutation.ts";
import { fuzzSeed, type Random, seededRandom } from "../support/random.ts";

const SEED = fuzzSeed();
const ROUNDS = Number(process.env["FUZZ_ROUNDS"] ?? 150) * 10;
const TEXTS = ["", "a", "base", "é\u{1f600}", "with space\n", "x".repeat(300)];

interface Sample {
  readonly bytes: Uint8Array;
  readonly decode: (message: BackendMessage) => unknown;
  readonly decoded: unknown;
}

function uint16Field(value: number): Uint8Array {
  return new Uint8Array([value >> 8, value & 255]);
}

function randomSample(random: Random): Sample {
  const texts = Array.from({ length: random.below(5) }, () => random.pick(TEXTS));
  switch (random.below(3)) {
    case 0: {
      const values = texts.map((text) => (random.below(4) === 0 ? null : text));
      const fields = values.flatMap((value) => {
        const bytes = new TextEncoder().encode(value ?? "");
        return value === null ? [int32Field(-1)] : [int32Field(bytes.byteLength), bytes];
      });
      const bytes = encodeMessage("D", uint16Field(values.length), ...fields);
      return { bytes, decode: decodeRow, decoded: values };
    }
    case 1: {
      const columns = texts.flatMap((text) => [textField(text), randomBytes(random, 18)]);
      const bytes = encodeMessage("T", uint16Field(texts.length), ...columns);
      return { bytes, decode: decodeColumns, decoded: texts };
    }
    default: {
      const [message = "no message", hint] = texts;
      const given = ["VFATAL", "C57P01"];
      if (texts.length > 0) given.push(`M${message}`);
      if (hint !== undefined) given.push(`H${hint}`);
      const fields = given.map(textField);
      const bytes = encodeMessage("E", ...fields, new Uint8Array(1));
      const decoded = { severity: "FATAL", sqlState: "57P01", message, detail: undefined, hint };
      return { bytes, decode: decodeReport, decoded };
    }
  }
}

function messagesOf(pieces: readonly Uint8Array[]): BackendMessage[] {
  const decoder = new MessageDecoder();
  const messages: BackendMessage[] = [];
  for (const piece of pieces) {
    decoder.push(piece);
    for (let next = decoder.next(); next !== undefined; next = decoder.next()) messages.push(next);
  }
  return messages;
}

test(`messages come back whole, however they are cut (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < ROUNDS / 5; round += 1) {
    const samples = Array.from({ length: 1 + random.below(6) }, () => randomSample(random));
    const bytes = new Uint8Array(Buffer.concat(samples.map((sample) => sample.bytes)));
    const messages = messagesOf(cutAtRandom(random, bytes, random.pick([1, 7, 100, 5000])));
    expect(messages).toHaveLength(samples.length);
    for (const [index, { decode, decoded }] of samples.entries()) {
      expect(decode(messages[index] ?? { type: "", body: new Uint8Array() })).toEqual(decoded);
    }
  }
});

test(`changed messages are awaited, read or refused by one kind of error (seed ${SEED})`, () => {
  const random = seededRandom(SEED + 1);
  for (let round = 0; round < ROUNDS; round += 1) {
    const { bytes, decode } = randomSample(random);
    const changed = mutatedBytes(random, bytes);
    try {
      for (const message of messagesOf(cutAtRandom(random, changed, 50))) decode(message);
    } catch (error) {
      expect(error).toBeInstanceOf(DatabaseError);
    }
  }
});

test(`chance is refused by one kind of error (seed ${SEED})`, () => {
  const random = seededRandom(SEED + 2);
  const decoders = [decodeRow, decodeColumns, decodeReport];
  for (let round = 0; round < ROUNDS; round += 1) {
    const body = randomBytes(random, random.below(60));
    try {
      random.pick(decoders)({ type: "x", body });
      messagesOf([body]);
    } catch (error) {
      expect(error).toBeInstanceOf(DatabaseError);
    }
  }
});
