// The hidden command fetches what follows the named segment into `.wal-g/prefetch` and stops at
// the archive's end without error.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { WAL_PREFETCH_SPEC } from "../../../src/command/specs/wal.ts";
import { run } from "../../../src/command/wal-prefetch.ts";
import { goldenSegment } from "../../support/golden-wal.ts";
import { testInvocation } from "../../support/invocation.ts";

test("reads ahead as far as there is something", async () => {
  const golden = goldenSegment(17, "middle");
  const next = goldenSegment(17, "switched");
  const directory = mkdtempSync(join(tmpdir(), "wal-prefetch-"));
  try {
    mkdirSync(join(directory, "repo", "wal_005"), { recursive: true });
    for (const { name, bytes } of [golden, next]) {
      writeFileSync(join(directory, "repo", "wal_005", name), bytes);
    }
    const before = `${golden.name.slice(0, 16)}00000009`;
    const environment = {
      WALG_FILE_PREFIX: join(directory, "repo"),
      WALG_PG_WAL_SIZE: "1",
      WALG_DOWNLOAD_CONCURRENCY: "5",
    };
    await run(testInvocation(WAL_PREFETCH_SPEC, { words: [before, directory], environment }));
    const found = readdirSync(join(directory, ".wal-g", "prefetch")).sort();
    expect(found).toEqual([golden.name, next.name, "origin", "running"]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
