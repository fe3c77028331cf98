// Proves that archived files are found under any codec, and read whole.
import { expect, it } from "vitest";
import { walReader } from "../../../src/database/journal-reader.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";
import { writeObject } from "../../../src/transfer/object-writer.ts";
import { memoryRepository } from "../../support/memory-repository.ts";
import { NEVER } from "../../support/receipts.ts";

it("reads a history file under whatever codec it is stored", async () => {
  for (const [codec, suffix] of [
    ["none", ""],
    ["zstd", ".zst"],
    ["lz4", ".lz4"],
  ] as const) {
    const repository = await memoryRepository(codec);
    const key = `wal_005/00000002.history${suffix}`;
    const source = bytesSource("1\t0/7000000\tpromoted\n");
    await writeObject(repository, { key, source, ifAbsent: false, signal: NEVER });
    // Another codec is configured by now.
    const reader = walReader({ ...repository, codec: (await memoryRepository("brotli")).codec });
    const bytes = await reader.read("00000002.history", NEVER);
    expect(new TextDecoder().decode(bytes)).toBe("1\t0/7000000\tpromoted\n");
    expect(await reader.contains("00000002.history", NEVER)).toBe(true);
    expect(await reader.read("00000003.history", NEVER)).toBeUndefined();
    expect(await reader.contains("00000003.history", NEVER)).toBe(false);
  }
});
