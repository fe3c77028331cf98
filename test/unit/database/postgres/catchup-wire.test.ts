// Proves that frames come out as they went in whatever the chunks, and that a stream that was cut,
// changed, or had frames removed, repeated or exchanged gives an error and none of what is wrong.
import { expect, test } from "vitest";
import {
  FRAME,
  FRAME_CONTENT_MAX,
  type Frame,
  FrameWriter,
  readFrames,
} from "../../../../src/database/postgres/catchup-wire.ts";
import { concatBytes } from "../../../../src/stream/byte-stream.ts";
import { seededRandom } from "../../../support/random.ts";

const text = (value: string) => new TextEncoder().encode(value);
const FRAMES: readonly Frame[] = [
  { kind: FRAME.begin, content: text("{}") },
  { kind: FRAME.part, content: text("part_001.tar") },
  { kind: FRAME.data, content: new Uint8Array(700).fill(7) },
  { kind: FRAME.data, content: new Uint8Array(700).fill(7) },
  { kind: FRAME.partEnd, content: new Uint8Array(0) },
  { kind: FRAME.end, content: text("{}") },
];

function encoded(): Uint8Array[] {
  const writer = new FrameWriter();
  return FRAMES.map(({ kind, content }) => concatBytes(writer.encode(kind, content)));
}

async function* chunked(bytes: Uint8Array, sizeOf: () => number) {
  for (let at = 0; at < bytes.byteLength; ) {
    const size = sizeOf();
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const decode = (bytes: Uint8Array) =>
  Array.fromAsync(readFrames(chunked(bytes, () => bytes.byteLength)));

test("frames come out as they went in, in chunks of any size", async () => {
  const random = seededRandom(7);
  const bytes = concatBytes(encoded());
  for (let round = 0; round < 50; round += 1) {
    const frames = readFrames(chunked(bytes, () => 1 + random.below(round * 10 + 1)));
    expect(await Array.fromAsync(frames)).toEqual(FRAMES);
  }
});

test("every cut gives whole frames and then an error, or an end between two", async () => {
  const bytes = concatBytes(encoded());
  const ends = new Set([0]);
  for (const one of encoded())
    ends.add([...ends].reduce((a, b) => Math.max(a, b)) + one.byteLength);
  for (let length = 0; length < bytes.byteLength; length += 1) {
    const reading = decode(bytes.slice(0, length));
    if (ends.has(length)) expect(FRAMES.slice(0, (await reading).length)).toEqual(await reading);
    else await expect(reading).rejects.toThrow("ends inside a frame");
  }
});

test("no changed byte passes", async () => {
  const bytes = concatBytes(encoded());
  for (let at = 0; at < bytes.byteLength; at += 1) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    await expect(decode(changed), `byte ${at}`).rejects.toThrow(/what the sender sent/);
  }
});

test("frames that are missing, repeated or exchanged are noticed", async () => {
  const [begin, part, one, two, partEnd, end] = encoded();
  const all = [begin, part, one, two, partEnd, end].flatMap((frame) => frame ?? []);
  const without = all.filter((_frame, index) => index !== 2);
  const repeated = all.flatMap((frame, index) => (index === 2 ? [frame, frame] : [frame]));
  const exchanged = [...all.slice(0, 2), ...all.slice(2, 4).reverse(), ...all.slice(4)];
  for (const frames of [without, repeated, exchanged]) {
    await expect(decode(concatBytes(frames))).rejects.toThrow("wrong checksum");
  }
});

test("a stranger is told from a sender, and no frame is longer than allowed", async () => {
  await expect(decode(text("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))).rejects.toThrow("is no frame");
  const long = new Uint8Array(FRAME_CONTENT_MAX + 1);
  expect(() => new FrameWriter().encode(FRAME.data, long)).toThrow(RangeError);
});
