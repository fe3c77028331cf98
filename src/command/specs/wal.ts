import type { CommandSpec, OptionSpec } from "../command.ts";

export const TARGET_STORAGE_OPTION: OptionSpec = {
  name: "target-storage",
  kind: "text",
  summary: "use only this storage; a failover's name, or default",
  setting: "TARGET_STORAGE",
};

export const WAL_PUSH_SPEC: CommandSpec = {
  name: "wal-push",
  databases: ["postgres"],
  summary: "Archive a WAL segment or history file (archive_command)",
  arguments: [{ name: "wal_filepath", required: true }],
  options: [TARGET_STORAGE_OPTION],
};

export const WAL_PUSH_AHEAD_SPEC: CommandSpec = {
  name: "wal-push-ahead",
  databases: ["postgres"],
  summary: "Archive the WAL that waits behind a segment; started by wal-push",
  arguments: [{ name: "wal_filepath", required: true }],
  options: [TARGET_STORAGE_OPTION],
  isHidden: true,
};

export const WAL_FETCH_SPEC: CommandSpec = {
  name: "wal-fetch",
  databases: ["postgres"],
  summary: "Bring a WAL segment or history file back (restore_command)",
  arguments: [
    { name: "wal_name", required: true },
    { name: "destination_filename", required: true },
  ],
  options: [TARGET_STORAGE_OPTION],
};

export const WAL_PREFETCH_SPEC: CommandSpec = {
  name: "wal-prefetch",
  databases: ["postgres"],
  summary: "Fetch the segments that recovery will ask for next; started by wal-fetch",
  arguments: [
    { name: "wal_name", required: true },
    { name: "prefetch_location", required: true },
  ],
  options: [TARGET_STORAGE_OPTION],
  isHidden: true,
};

export const WAL_RESTORE_SPEC: CommandSpec = {
  name: "wal-restore",
  databases: ["postgres"],
  summary: "Bring back the WAL that pg_rewind needs after two servers diverged",
  arguments: [
    { name: "target_pgdata", required: true },
    { name: "source_pgdata", required: true },
  ],
  options: [TARGET_STORAGE_OPTION],
};
