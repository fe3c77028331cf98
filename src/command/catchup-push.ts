import { UsageError } from "../base/errors.ts";
import { type Lsn, parseLsn, toLsn } from "../delta/lsn.ts";
import { openCatchupRepository } from "./catchup-repository.ts";
import type { Invocation } from "./command.ts";
import { openBackupAdapter, takeBackup } from "./take-backup.ts";

const LSN_MAX = 0xffff_ffff_ffff_ffffn;

/** Stores what changed since an LSN. Exit code 0 only when its sentinel is stored. */
export async function run(invocation: Invocation): Promise<void> {
  const { settings, options, log } = invocation;
  const sinceLsn = parseFromLsn(options.text("from-lsn") ?? "");
  if (settings.flag("WITHOUT_FILES_METADATA")) {
    throw new UsageError("a catchup needs files metadata: drop WITHOUT_FILES_METADATA");
  }
  const dataDir = invocation.arguments[0];
  const adapter = await openBackupAdapter(invocation, { dataDir, catchup: { sinceLsn } });
  await using repository = await openCatchupRepository(invocation, "write");
  const request = { adapter, repository, parent: undefined, isPermanent: false, what: "catchup" };
  const pushed = await takeBackup(invocation, request);
  log.info(`Wrote backup with name ${pushed.name} to storage ${repository.name}`);
}

/** WAL-G takes the decimal number only. */
function parseFromLsn(text: string): Lsn {
  if (text.includes("/")) return parseLsn(text);
  const value = /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
  if (value !== undefined && value <= LSN_MAX) return toLsn(value);
  throw new UsageError(
    `--from-lsn ${JSON.stringify(text)}: not an LSN`,
    "Give it as a decimal number, or as pg_controldata prints the REDO location: 0/16B3748.",
  );
}
