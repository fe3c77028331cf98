// Reads of a file that fail for a passing reason are repeated a bounded number of times; what
// passes costs a warning, what stays ends the part with the first and every later error. The faults
// take the place of the file system: no test can make a disk fail.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { FilesystemError } from "../../src/base/errors.ts";
import { PartPacker } from "../../src/database/postgres/backup-parts.ts";
import { newFindings, walkDataDirectory } from "../../src/database/postgres/data-directory.ts";
import { wholeFiles } from "../../src/database/postgres/delta-files.ts";
import type { ReadAt } from "../../src/database/postgres/opened-file.ts";
import { collect } from "../../src/stream/byte-stream.ts";
import { recordingLogger } from "../support/memory-repository.ts";
import { tarEntries } from "../support/raw-part.ts";

const NEVER = new AbortController().signal;
const CLOCK: Clock = { now: () => new Date(0), monotonicMs: () => 0, sleep: async () => {} };
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "g33-"));
  for (const name of ["a", "b", "c"]) writeFileSync(join(dir, name), name.repeat(10));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Packs the directory with reads that fail in this order, undefined for one that works. */
function pack(faults: readonly (string | undefined)[]) {
  const left = [...faults];
  const readAt: ReadAt = (_descriptor, target, position) => {
    const code = left.shift();
    if (code !== undefined) throw Object.assign(new Error(`${code}: bad disk`), { code });
    if (position > 0) return 0;
    target.fill(0x61);
    return target.byteLength;
  };
  const { log, lines } = recordingLogger();
  const packer = new PartPacker({
    entries: walkDataDirectory(dir, newFindings()),
    thresholdBytes: 1e9,
    files: wholeFiles({
      checksPages: false,
      isParallel: false,
      clock: CLOCK,
      log,
      signal: NEVER,
      readAt,
    }),
    log,
    signal: NEVER,
    onUnchanged: () => {},
    onEntry: () => {},
    onPart: () => {},
  });
  const [part] = packer.parts();
  if (part === undefined) throw new Error("no part");
  return { tar: collect(part.source.open(NEVER), 1e6), lines };
}

test("G33 faults that pass cost warnings, and nothing is missing", async () => {
  const { tar, lines } = pack([undefined, "EIO", "EIO", "ESTALE", undefined, "ETIMEDOUT"]);
  expect(tarEntries(Buffer.from(await tar)).map(({ name }) => name)).toEqual([
    ...["/", "/a", "/b", "/c"],
  ]);
  expect(lines).toHaveLength(4);
  expect(lines[0]).toContain(`${join(dir, "b")}: read at 0 failed: EIO: bad disk`);
});

test("G33 a fault that stays is told with the first error and those of the tries", async () => {
  const { tar } = pack([undefined, "EIO", "ESTALE", "EIO", "ETIMEDOUT", "EIO"]);
  const failure = await tar.catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(FilesystemError);
  expect(String(failure)).toContain(join(dir, "b"));
  for (const fault of ["EIO", "ESTALE", "ETIMEDOUT", "4 tries"]) {
    expect(String(failure)).toContain(fault);
  }
});
