import type { DatabaseKind } from "../../base/database-kind.ts";
import type { CommandSpec, OptionSpec } from "../command.ts";

const ALL: readonly DatabaseKind[] = ["postgres", "mysql", "redis"];

const TARGET_OPTION: OptionSpec = {
  name: "target",
  short: "t",
  kind: "text",
  summary: "the storage to work on: default, the name of a failover storage, or all",
};

const GLOB_OPTION: OptionSpec = {
  name: "glob",
  short: "g",
  kind: "flag",
  summary: "take the path as a glob: *, ? and [a-z] within a folder's name or a file's",
};

/** May stand before the word of the command too: `st -t default ls`. */
export const ST_OPTIONS: readonly OptionSpec[] = [TARGET_OPTION, GLOB_OPTION];

export const ST_LS_SPEC: CommandSpec = {
  name: "st ls",
  databases: ALL,
  summary: "List a folder of the storage",
  arguments: [{ name: "path", required: false }],
  options: [
    { name: "recursive", short: "r", kind: "flag", summary: "list what is in its folders too" },
    ...ST_OPTIONS,
  ],
};

export const ST_STAT_SPEC: CommandSpec = {
  name: "st stat",
  databases: ALL,
  summary: "Show size and time of an object",
  arguments: [{ name: "object", required: true }],
  options: [TARGET_OPTION],
};

export const ST_CAT_SPEC: CommandSpec = {
  name: "st cat",
  databases: ALL,
  summary: "Print an object to stdout, as it is stored unless told otherwise",
  arguments: [{ name: "object", required: true }],
  options: [
    { name: "decrypt", kind: "flag", summary: "decrypt it" },
    { name: "decompress", kind: "flag", summary: "decompress it, by its extension" },
    ...ST_OPTIONS,
  ],
};

export const ST_GET_SPEC: CommandSpec = {
  name: "st get",
  databases: ALL,
  summary: "Write an object to a new local file, decrypted and decompressed",
  arguments: [
    { name: "object", required: true },
    { name: "destination", required: true },
  ],
  options: [
    { name: "no-decrypt", kind: "flag", summary: "leave it encrypted" },
    { name: "no-decompress", kind: "flag", summary: "leave it compressed" },
    ...ST_OPTIONS,
  ],
};

export const ST_PUT_SPEC: CommandSpec = {
  name: "st put",
  databases: ALL,
  summary: "Store a local file, compressed and encrypted; put -s <object> stores stdin",
  arguments: [
    { name: "local_path", required: true },
    { name: "object", required: false },
  ],
  options: [
    { name: "no-encrypt", kind: "flag", summary: "do not encrypt it" },
    { name: "no-compress", kind: "flag", summary: "do not compress it" },
    { name: "force", short: "f", kind: "flag", summary: "replace an object of that name" },
    { name: "read-stdin", short: "s", kind: "flag", summary: "store what stdin gives" },
    TARGET_OPTION,
  ],
};

export const ST_RM_SPEC: CommandSpec = {
  name: "st rm",
  databases: ALL,
  summary: "Remove the object of that name, or else all of the folder of that name",
  arguments: [{ name: "path", required: true }],
  options: ST_OPTIONS,
};

export const ST_CHECK_READ_SPEC: CommandSpec = {
  name: "st check read",
  databases: ALL,
  summary: "Check that the storage can be read, and that the named objects are there",
  arguments: [{ name: "object", required: false, isRepeated: true }],
  options: [TARGET_OPTION],
};

export const ST_CHECK_WRITE_SPEC: CommandSpec = {
  name: "st check write",
  databases: ALL,
  summary: "Check that the storage can be written to, with a small object that is removed again",
  arguments: [],
  options: [TARGET_OPTION],
};
