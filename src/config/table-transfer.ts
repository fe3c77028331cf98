import { section } from "./setting.ts";

export const TRANSFER_SETTINGS = section("transfer", [
  {
    key: "DOWNLOAD_CONCURRENCY",
    form: "walg",
    kind: "whole",
    min: 1,
    default: "10",
    example: "10",
    help:
      "Parts that a restore fetches at once at most, and no more than there are processors (at " +
      "least 2); how many segments wal-fetch reads ahead (1: none); objects that copy moves at " +
      "once, within UPLOAD_CONCURRENCY of the target",
  },
  {
    key: "UPLOAD_CONCURRENCY",
    form: "driver",
    kind: "whole",
    min: 1,
    default: "16",
    example: "16",
    help:
      "Parts of one object stored at once at most, within BUFFER_BUDGET; segments that one " +
      "wal-push stores at once at most: two in a directory, three elsewhere",
  },
  {
    key: "UPLOAD_DISK_CONCURRENCY",
    form: "walg",
    kind: "whole",
    min: 1,
    default: "1",
    example: "4",
    help: "Files read at once by backup-push",
  },
  {
    key: "UPLOAD_QUEUE",
    form: "walg",
    kind: "whole",
    min: 0,
    default: "2",
    example: "2",
    help: "Finished parts that may wait to be stored",
    status: "idle",
    idleBecause: "a finished part waits for nothing; the workers and BUFFER_BUDGET bound memory",
  },
  // The receipts of a backup hold a buffer from its begin to its end: others need room beside it.
  {
    key: "BUFFER_BUDGET",
    form: "own",
    kind: "whole",
    min: 16_777_216,
    default: "67108864",
    example: "67108864",
    help: "Bytes that all part buffers of the process share; part sizes and concurrency obey it",
  },
  {
    key: "DISK_RATE_LIMIT",
    form: "walg",
    kind: "whole",
    min: 1,
    example: "104857600",
    help: "Bytes a second that a backup reads from disk at most; --turbo lifts it",
  },
  {
    key: "NETWORK_RATE_LIMIT",
    form: "walg",
    kind: "whole",
    min: 1,
    example: "104857600",
    help: "Bytes a second that a backup moves to or from storage at most; --turbo lifts it",
  },
  {
    key: "WAL_NETWORK_RATE_LIMIT",
    form: "own",
    kind: "whole",
    min: 1,
    example: "104857600",
    help:
      "Bytes a second that wal-push and wal-fetch move to or from storage at most; WAL that " +
      "comes faster piles up on the server",
  },
  {
    key: "DOWNLOAD_FILE_RETRIES",
    form: "walg",
    kind: "whole",
    min: 0,
    default: "15",
    example: "15",
    help: "How often a failed part is fetched again",
  },
  {
    key: "COMPRESSION_METHOD",
    form: "walg",
    kind: "choice",
    choices: ["none", "lz4", "zstd", "brotli", "lzma"],
    default: "zstd",
    walgDefault: "lz4",
    example: "zstd",
    help: "How stored objects are compressed; any method can be read",
  },
  {
    key: "ZSTD_LEVEL",
    form: "walg",
    kind: "text",
    example: "default",
    help:
      "zstd's level: fastest, default, better, best, or a number from 1 to 22; an error where " +
      "another COMPRESSION_METHOD is set",
  },
  {
    key: "ZSTD_ENGINE",
    form: "own",
    kind: "choice",
    choices: ["auto", "builtin", "addon"],
    default: "auto",
    example: "builtin",
    help: "Which zstd is used: the runtime's own, the native addon, or what is there",
  },
]);
