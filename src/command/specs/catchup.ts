import type { CommandSpec } from "../command.ts";
import { BACKUP_LIST_SPEC } from "./backup.ts";
import { TARGET_STORAGE_OPTION } from "./wal.ts";

export const CATCHUP_PUSH_SPEC: CommandSpec = {
  name: "catchup-push",
  databases: ["postgres"],
  summary: "Store what changed since an LSN, to bring a lagging standby forward",
  arguments: [{ name: "db_directory", required: true }],
  options: [
    {
      name: "from-lsn",
      kind: "text",
      summary: "where the standby stands: a decimal number, or as 0/16B3748",
      isRequired: true,
    },
    TARGET_STORAGE_OPTION,
  ],
};

export const CATCHUP_FETCH_SPEC: CommandSpec = {
  name: "catchup-fetch",
  databases: ["postgres"],
  summary: "Bring a stopped standby forward in place, with what catchup-push stored",
  arguments: [
    { name: "db_directory", required: true },
    { name: "backup_name", required: true },
  ],
  options: [
    {
      name: "use-new-unwrap",
      kind: "flag",
      summary: "accepted for WAL-G's sake; there is one way of unpacking",
    },
    TARGET_STORAGE_OPTION,
  ],
};

export const CATCHUP_LIST_SPEC: CommandSpec = {
  ...BACKUP_LIST_SPEC,
  name: "catchup-list",
  summary: "List what catchup-push stored",
};

export const CATCHUP_SEND_SPEC: CommandSpec = {
  name: "catchup-send",
  databases: ["postgres"],
  summary: "Send what changed to a standby's host, where catchup-receive waits",
  arguments: [
    { name: "db_directory", required: true },
    { name: "host:port", required: true },
  ],
  options: [],
};

export const CATCHUP_RECEIVE_SPEC: CommandSpec = {
  name: "catchup-receive",
  databases: ["postgres"],
  summary: "Bring a stopped standby forward in place, with what catchup-send sends",
  arguments: [
    { name: "db_directory", required: true },
    { name: "port", required: true },
  ],
  options: [],
};
