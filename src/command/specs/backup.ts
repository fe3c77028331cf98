import type { CommandSpec, OptionSpec } from "../command.ts";
import { TARGET_STORAGE_OPTION } from "./wal.ts";

const COMPOSER_OPTIONS: readonly OptionSpec[] = [
  {
    name: "rating-composer",
    short: "r",
    kind: "flag",
    summary: "compose parts by how often files change",
    setting: "USE_RATING_COMPOSER",
  },
  {
    name: "copy-composer",
    short: "c",
    kind: "flag",
    summary: "compose parts so that unchanged ones can be copied from the previous full backup",
    setting: "USE_COPY_COMPOSER",
  },
  {
    name: "database-composer",
    short: "b",
    kind: "flag",
    summary: "compose parts so that each holds files of one database",
    setting: "USE_DATABASE_COMPOSER",
  },
];

export const BACKUP_PUSH_SPEC: CommandSpec = {
  name: "backup-push",
  databases: ["postgres"],
  summary: "Take a base backup: of a data directory, or over the replication protocol",
  arguments: [{ name: "db_directory", required: false }],
  options: [
    {
      name: "permanent",
      short: "p",
      kind: "flag",
      summary: "mark the backup permanent, so that no retention rule removes it",
    },
    { name: "full", short: "f", kind: "flag", summary: "take a full backup even with deltas on" },
    {
      name: "verify",
      short: "v",
      kind: "flag",
      summary: "check page checksums while reading",
      setting: "VERIFY_PAGE_CHECKSUMS",
    },
    {
      name: "store-all-corrupt",
      short: "s",
      kind: "flag",
      summary: "record every corrupt block instead of the first few",
      setting: "STORE_ALL_CORRUPT_BLOCKS",
    },
    ...COMPOSER_OPTIONS,
    {
      name: "delta-from-name",
      kind: "text",
      summary: "build the delta on the backup of this name",
      setting: "DELTA_FROM_NAME",
    },
    {
      name: "delta-from-user-data",
      kind: "text",
      summary: "build the delta on the backup with this user data",
      setting: "DELTA_FROM_USER_DATA",
    },
    {
      name: "add-user-data",
      kind: "text",
      summary: "JSON (or plain text) that is stored with the backup",
      setting: "SENTINEL_USER_DATA",
    },
    {
      name: "without-files-metadata",
      kind: "flag",
      summary: "do not write files_metadata.json; implies a full backup",
      setting: "WITHOUT_FILES_METADATA",
    },
    TARGET_STORAGE_OPTION,
  ],
};

const RECOVERY_TARGET_OPTIONS: readonly OptionSpec[] = [
  {
    name: "target-time",
    kind: "text",
    summary: "recover to this instant; local time unless it names a zone",
  },
  { name: "target-lsn", kind: "text", summary: "recover to this LSN" },
  { name: "target-xid", kind: "text", summary: "recover to this transaction id" },
  { name: "target-name", kind: "text", summary: "recover to this restore point" },
  { name: "target-immediate", kind: "flag", summary: "recover only until it is consistent" },
  {
    name: "target-timeline",
    kind: "text",
    summary: "timeline to follow: a number, current or latest",
  },
  {
    name: "target-action",
    kind: "text",
    summary: "what the server does at the target: pause, promote or shutdown",
  },
  {
    name: "target-inclusive",
    kind: "text",
    summary: "whether the target itself is replayed: true or false",
  },
  {
    name: "restore-command",
    kind: "text",
    summary: "restore_command to write instead of this program's own wal-fetch",
  },
];

export const BACKUP_FETCH_SPEC: CommandSpec = {
  name: "backup-fetch",
  databases: ["postgres"],
  summary: "Restore a base backup into a directory, on demand with recovery settings",
  arguments: [
    { name: "destination_directory", required: true },
    { name: "backup_name", required: false },
  ],
  options: [
    { name: "mask", kind: "text", summary: "restore only files whose path matches this glob" },
    {
      name: "restore-spec",
      kind: "text",
      summary: "JSON file that says where tablespaces go",
    },
    {
      name: "reverse-unpack",
      kind: "flag",
      summary: "unpack the newest delta first",
      setting: "USE_REVERSE_UNPACK",
    },
    {
      name: "skip-redundant-tars",
      kind: "flag",
      summary: "leave out parts that hold nothing needed any more; needs --reverse-unpack",
      setting: "SKIP_REDUNDANT_TARS",
    },
    {
      name: "target-user-data",
      kind: "text",
      summary: "restore the backup with this user data",
      setting: "FETCH_TARGET_USER_DATA",
    },
    {
      name: "delta",
      kind: "flag",
      summary: "overwrite an old state of the cluster: fetch and write only what differs",
    },
    {
      name: "restore-only",
      kind: "list",
      summary: "restore only these databases and tables: db, db/table, db/schema.table",
    },
    ...RECOVERY_TARGET_OPTIONS,
    TARGET_STORAGE_OPTION,
  ],
};

export const BACKUP_LIST_SPEC: CommandSpec = {
  name: "backup-list",
  databases: ["postgres"],
  summary: "List the backups in storage",
  arguments: [],
  options: [
    { name: "pretty", kind: "flag", summary: "print a table with borders, or indented JSON" },
    { name: "json", kind: "flag", summary: "print JSON" },
    { name: "detail", kind: "flag", summary: "print every column" },
    TARGET_STORAGE_OPTION,
  ],
};
