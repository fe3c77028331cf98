import type { DatabaseKind } from "../../base/database-kind.ts";
import type { CommandSpec, OptionSpec } from "../command.ts";
import { OVERWRITE_OPTION, TRUST_SIZES_OPTION } from "./copy.ts";

const ALL: readonly DatabaseKind[] = ["postgres", "mysql", "redis"];

export const ST_COPY_SPEC: CommandSpec = {
  name: "st copy",
  databases: ALL,
  summary: "Copy objects from one storage to another",
  arguments: [],
  options: [
    {
      name: "from",
      kind: "text",
      isRequired: true,
      summary: "configuration file of the storage to copy from",
    },
    {
      name: "to",
      kind: "text",
      isRequired: true,
      summary: "configuration file of the storage to copy to",
    },
    {
      name: "prefix",
      short: "p",
      kind: "text",
      summary: "copy only objects whose name begins so",
    },
    {
      name: "decrypt-source",
      short: "d",
      kind: "flag",
      summary: "decrypt them with the key of --from",
    },
    {
      name: "encrypt-source",
      short: "e",
      kind: "flag",
      summary: "encrypt them with the key of --to",
    },
    OVERWRITE_OPTION,
    TRUST_SIZES_OPTION,
  ],
};

const TRANSFER_OPTIONS: readonly OptionSpec[] = [
  { name: "source", short: "s", kind: "text", summary: "the storage to move from, by its name" },
  {
    name: "target",
    short: "t",
    kind: "text",
    summary: "the storage to move to: default, or the name of a failover storage",
  },
  {
    name: "overwrite",
    short: "o",
    kind: "flag",
    summary: "move what the target has already, too, and replace what differs there",
  },
  { name: "preserve", short: "p", kind: "flag", summary: "remove nothing from the source" },
  { name: "fail-fast", kind: "flag", summary: "stop at the first error" },
  { name: "concurrency", short: "c", kind: "text", summary: "objects moved at once (10)" },
  { name: "max-files", short: "m", kind: "text", summary: "move no more objects than this" },
  {
    name: "appearance-checks",
    kind: "text",
    summary: "how often to look for an object in the target; 0: not at all (3)",
  },
  {
    name: "appearance-checks-interval",
    kind: "text",
    summary: "time between two such looks (1s)",
  },
];

export const ST_TRANSFER_FILES_SPEC: CommandSpec = {
  name: "st transfer files",
  databases: ["postgres"],
  summary: "Move objects whose name begins with the prefix between the storages of a configuration",
  arguments: [{ name: "prefix", required: true }],
  options: TRANSFER_OPTIONS,
};

export const ST_TRANSFER_PG_WALS_SPEC: CommandSpec = {
  name: "st transfer pg-wals",
  databases: ["postgres"],
  summary: "Move archived WAL between the storages of a configuration",
  arguments: [],
  options: TRANSFER_OPTIONS,
};

export const ST_TRANSFER_BACKUPS_SPEC: CommandSpec = {
  name: "st transfer backups",
  databases: ["postgres"],
  summary: "Move one backup, or all, between the storages of a configuration",
  arguments: [{ name: "backup_name", required: false }],
  options: [
    ...TRANSFER_OPTIONS,
    { name: "max-backups", kind: "text", summary: "move no more backups than this" },
  ],
};
