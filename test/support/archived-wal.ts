import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openWalFile } from "../../src/database/postgres/wal-journal.ts";
import { pushJournalFile } from "../../src/database/push-journal.ts";
import { openWalDelta } from "../../src/database/wal-delta.ts";
import type { Repository } from "../../src/transfer/repository.ts";
import type { SegmentName } from "../../src/wal/segment-name.ts";
import { recordingLogger } from "./memory-repository.ts";

/** Stores segments as wal-push does, one run each, with maps of changed blocks if wanted. */
export async function archiveWal(
  repository: Repository,
  segments: Iterable<readonly [name: SegmentName, bytes: Uint8Array]>,
  options: { readonly records: boolean },
): Promise<void> {
  const { signal } = new AbortController();
  const directory = mkdtempSync(join(tmpdir(), "archived-wal-"));
  const { log, lines } = recordingLogger();
  try {
    for (const [name, bytes] of segments) {
      const path = join(directory, name);
      writeFileSync(path, bytes);
      using file = openWalFile(path, {});
      await pushJournalFile(repository, file, { mayOverwrite: false, log, signal });
      if (options.records) {
        const maps = await openWalDelta(repository, { path, log });
        await maps.record(file, signal);
        await maps.finish(signal);
      }
      rmSync(path);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  const warnings = lines.filter((line) => line.startsWith("warning"));
  if (warnings.length > 0) throw new Error(warnings.join("\n"));
}
