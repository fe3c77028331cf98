import type { Command } from "./command.ts";
import { BACKUP_FETCH_SPEC, BACKUP_LIST_SPEC, BACKUP_PUSH_SPEC } from "./specs/backup.ts";
import {
  CATCHUP_FETCH_SPEC,
  CATCHUP_LIST_SPEC,
  CATCHUP_PUSH_SPEC,
  CATCHUP_RECEIVE_SPEC,
  CATCHUP_SEND_SPEC,
} from "./specs/catchup.ts";
import { COPY_SPEC } from "./specs/copy.ts";
import { COMPLETION_SPEC, CONFIG_SPEC, FLAGS_SPEC, HELP_SPEC } from "./specs/general.ts";
import {
  ST_CAT_SPEC,
  ST_CHECK_READ_SPEC,
  ST_CHECK_WRITE_SPEC,
  ST_GET_SPEC,
  ST_LS_SPEC,
  ST_PUT_SPEC,
  ST_RM_SPEC,
  ST_STAT_SPEC,
} from "./specs/st.ts";
import {
  ST_COPY_SPEC,
  ST_TRANSFER_BACKUPS_SPEC,
  ST_TRANSFER_FILES_SPEC,
  ST_TRANSFER_PG_WALS_SPEC,
} from "./specs/transfer.ts";
import {
  WAL_FETCH_SPEC,
  WAL_PREFETCH_SPEC,
  WAL_PUSH_AHEAD_SPEC,
  WAL_PUSH_SPEC,
  WAL_RESTORE_SPEC,
} from "./specs/wal.ts";

/**
 * Every command of the program. To add one:
 *
 *  1. its spec (name, arguments, options) into `specs/<area>.ts`: data only, no imports but types,
 *     since it is read at each start;
 *  2. its code into `<name>.ts`: `export async function run(invocation: Invocation)`, and
 *     `export function failureExit(error, invocation)` if it has exit codes of its own;
 *  3. one line here: `{ ...NAME_SPEC, load: () => import("./<name>.ts") }`.
 *
 * The import must stay inside `load`: wal-push runs once a segment and pays for nothing else.
 * Names of commands that are planned stand in `planned.ts`; take the name out of there.
 */
export const COMMANDS: readonly Command[] = [
  { ...WAL_PUSH_SPEC, load: () => import("./wal-push.ts") },
  { ...WAL_PUSH_AHEAD_SPEC, load: () => import("./wal-push-ahead.ts") },
  { ...WAL_FETCH_SPEC, load: () => import("./wal-fetch.ts") },
  { ...WAL_PREFETCH_SPEC, load: () => import("./wal-prefetch.ts") },
  { ...WAL_RESTORE_SPEC, load: () => import("./wal-restore.ts") },
  { ...BACKUP_PUSH_SPEC, load: () => import("./backup-push.ts") },
  { ...BACKUP_FETCH_SPEC, load: () => import("./backup-fetch.ts") },
  { ...BACKUP_LIST_SPEC, load: () => import("./backup-list.ts") },
  { ...COPY_SPEC, load: () => import("./copy.ts") },
  { ...CATCHUP_PUSH_SPEC, load: () => import("./catchup-push.ts") },
  { ...CATCHUP_FETCH_SPEC, load: () => import("./catchup-fetch.ts") },
  { ...CATCHUP_SEND_SPEC, load: () => import("./catchup-send.ts") },
  { ...CATCHUP_RECEIVE_SPEC, load: () => import("./catchup-receive.ts") },
  { ...CATCHUP_LIST_SPEC, load: () => import("./catchup-list.ts") },
  { ...ST_LS_SPEC, load: () => import("./st-ls.ts") },
  { ...ST_STAT_SPEC, load: () => import("./st-stat.ts") },
  { ...ST_CAT_SPEC, load: () => import("./st-cat.ts") },
  { ...ST_GET_SPEC, load: () => import("./st-get.ts") },
  { ...ST_PUT_SPEC, load: () => import("./st-put.ts") },
  { ...ST_RM_SPEC, load: () => import("./st-rm.ts") },
  { ...ST_CHECK_READ_SPEC, load: () => import("./st-check-read.ts") },
  { ...ST_CHECK_WRITE_SPEC, load: () => import("./st-check-write.ts") },
  { ...ST_COPY_SPEC, load: () => import("./st-copy.ts") },
  { ...ST_TRANSFER_FILES_SPEC, load: () => import("./st-transfer-files.ts") },
  { ...ST_TRANSFER_PG_WALS_SPEC, load: () => import("./st-transfer-pg-wals.ts") },
  { ...ST_TRANSFER_BACKUPS_SPEC, load: () => import("./st-transfer-backups.ts") },
  { ...CONFIG_SPEC, load: () => import("./config.ts") },
  { ...FLAGS_SPEC, load: () => import("./flags.ts") },
  { ...COMPLETION_SPEC, load: () => import("./completion.ts") },
  { ...HELP_SPEC, load: () => import("./help.ts") },
];
