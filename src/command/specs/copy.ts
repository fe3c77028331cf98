import type { CommandSpec, OptionSpec } from "../command.ts";

export const OVERWRITE_OPTION: OptionSpec = {
  name: "overwrite",
  kind: "flag",
  summary: "replace objects of other content that are there already",
};

export const TRUST_SIZES_OPTION: OptionSpec = {
  name: "trust-sizes",
  kind: "flag",
  summary: "take an object of the same size for the same one, without reading it, as WAL-G does",
};

export const COPY_SPEC: CommandSpec = {
  name: "copy",
  databases: ["postgres"],
  summary: "Copy backups, with what they build on and the WAL they need, to another storage",
  arguments: [],
  options: [
    {
      name: "from",
      short: "f",
      kind: "text",
      isRequired: true,
      summary: "configuration file of the storage to copy from",
    },
    {
      name: "to",
      short: "t",
      kind: "text",
      isRequired: true,
      summary: "configuration file of the storage to copy to",
    },
    {
      name: "backup-name",
      short: "b",
      kind: "text",
      summary: "copy only this backup and what it builds on; LATEST is the newest",
    },
    {
      name: "with-history",
      short: "w",
      kind: "flag",
      summary: "copy all WAL since the backup too",
    },
    OVERWRITE_OPTION,
    TRUST_SIZES_OPTION,
  ],
};
