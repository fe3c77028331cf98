/**
 * Who may import whom inside `src`: the truth that `docs/architecture.md` explains. The first
 * rule whose place fits a file decides. An entry is a file, a folder with all below it (`tar/`) or
 * the files directly in a folder (`database/*`).
 */
export interface ImportRule {
  /** Folder with its slash, or a file. */
  readonly place: string;
  readonly may: readonly string[];
  /** Only `import type`. */
  readonly mayTypes?: readonly string[];
}

const STORAGE_CONTRACT = ["storage/driver.ts", "storage/errors.ts", "storage/object-key.ts"];
/** The codecs' registry also owns their names and extensions; it loads a codec when asked. */
const REPOSITORY_CONTRACTS = [
  ...STORAGE_CONTRACT,
  "codec/codec.ts",
  "codec/registry.ts",
  "cipher/cipher.ts",
  "cipher/errors.ts",
];
const STORAGE_SHARED = [
  ...STORAGE_CONTRACT,
  "storage/checked-body.ts",
  "storage/closable-stream.ts",
  "storage/folder-range.ts",
  "storage/key-order.ts",
  "storage/range.ts",
];

/** What the drivers of HTTP object services share. */
const SERVICE_SHARED = ["storage/service/", ...STORAGE_SHARED];

export const IMPORT_RULES: readonly ImportRule[] = [
  { place: "base/", may: ["base/"] },
  { place: "stream/", may: ["stream/", "base/"] },
  { place: "codec/", may: ["codec/", "stream/", "base/"] },
  // Clients of key services speak HTTP and sign as the storages do.
  {
    place: "cipher/kms/",
    may: [
      "cipher/",
      "storage/service/",
      "storage/s3/credentials.ts",
      "storage/s3/settings.ts",
      "storage/s3/signer.ts",
      "stream/",
      "base/",
    ],
  },
  { place: "cipher/", may: ["cipher/", "stream/", "base/"] },
  { place: "tar/", may: ["tar/", "stream/", "base/"] },
  { place: "delta/", may: ["delta/", "stream/", "base/"] },
  // LSNs name places in the WAL; nothing else of the page engine is needed there but whom to tell.
  {
    place: "wal/",
    may: ["wal/", "delta/lsn.ts", "stream/", "base/"],
    mayTypes: ["delta/change-sink.ts"],
  },
  // Only the registry loads drivers; a driver knows no other driver.
  {
    place: "storage/registry.ts",
    may: ["storage/", "base/"],
    mayTypes: ["stream/token-bucket.ts"],
  },
  { place: "storage/memory/", may: ["storage/memory/", ...STORAGE_SHARED, "stream/", "base/"] },
  { place: "storage/file/", may: ["storage/file/", ...STORAGE_SHARED, "stream/", "base/"] },
  { place: "storage/service/", may: ["storage/service/", ...STORAGE_SHARED, "stream/", "base/"] },
  { place: "storage/s3/", may: ["storage/s3/", ...SERVICE_SHARED, "stream/", "base/"] },
  { place: "storage/gcs/", may: ["storage/gcs/", ...SERVICE_SHARED, "stream/", "base/"] },
  { place: "storage/azure/", may: ["storage/azure/", ...SERVICE_SHARED, "stream/", "base/"] },
  { place: "storage/sftp/", may: ["storage/sftp/", ...STORAGE_SHARED, "stream/", "base/"] },
  {
    place: "storage/failover/",
    may: ["storage/failover/", ...STORAGE_SHARED, "stream/", "base/"],
    mayTypes: ["storage/wrap/observed.ts"],
  },
  { place: "storage/wrap/", may: ["storage/wrap/", ...STORAGE_SHARED, "stream/", "base/"] },
  { place: "storage/", may: [...STORAGE_SHARED, "stream/", "base/"] },
  {
    place: "transfer/",
    may: ["transfer/", ...REPOSITORY_CONTRACTS, "storage/key-order.ts", "stream/", "base/"],
  },
  {
    place: "catalog/",
    may: [
      "catalog/",
      "transfer/",
      ...REPOSITORY_CONTRACTS,
      "wal/",
      "delta/lsn.ts",
      "stream/",
      "base/",
    ],
  },
  // Only the registry loads a database; one database knows no other, and none knows the storage.
  { place: "database/registry.ts", may: ["database/", "base/"] },
  {
    place: "database/postgres/",
    may: [
      "database/postgres/",
      "database/adapter.ts",
      "database/journal.ts",
      "database/journal-archive.ts",
      // Names only: what a backup and its documents are called.
      "catalog/backup-name.ts",
      "catalog/storage-layout.ts",
      "tar/",
      "delta/",
      "wal/",
      "stream/",
      "base/",
    ],
    mayTypes: ["catalog/", "transfer/stored-part.ts"],
  },
  {
    place: "database/",
    may: [
      "database/*",
      "catalog/",
      "transfer/",
      ...REPOSITORY_CONTRACTS,
      "wal/",
      "stream/",
      "base/",
    ],
  },
  { place: "config/", may: ["config/", "base/"] },
  {
    place: "command/",
    may: [
      "command/",
      "config/",
      "database/*",
      "catalog/",
      "transfer/",
      "storage/registry.ts",
      "storage/wrap/appearing.ts",
      "storage/failover/",
      "storage/wrap/bounded.ts",
      "storage/wrap/folder-view.ts",
      "storage/wrap/observed.ts",
      "storage/wrap/unreachable.ts",
      "storage/wrap/read-only.ts",
      "codec/",
      "cipher/",
      "tar/",
      "delta/",
      "wal/",
      "stream/",
      "base/",
      ...STORAGE_CONTRACT,
    ],
  },
  { place: "cli/", may: ["cli/", "command/", "config/", "base/"] },
  { place: "main.ts", may: ["cli/", "base/"] },
];

/** Things that have one owner; everybody else gets them as a parameter. */
export interface Ownership {
  readonly what: string;
  readonly pattern: RegExp;
  readonly owners: readonly string[];
}

export const OWNERSHIPS: readonly Ownership[] = [
  {
    what: "the environment",
    pattern: /process\.env\b|Bun\.env\b/,
    owners: ["cli/process-host.ts"],
  },
  {
    what: "the clock",
    pattern: /Date\.now\(|new Date\(\)|performance\.now\(|Bun\.nanoseconds\(/,
    owners: ["base/clock.ts"],
  },
  { what: "chance that nobody can trust", pattern: /Math\.random\(/, owners: [] },
  { what: "stdout", pattern: /process\.stdout\b|console\.log\(/, owners: ["cli/output.ts"] },
  {
    what: "stderr",
    pattern: /process\.stderr\b|console\.(?:error|warn|info|debug)\(/,
    owners: ["cli/exit.ts", "cli/log-writer.ts"],
  },
  {
    what: "the end of the process",
    pattern: /process\.(?:exit\(|exitCode\b|abort\(|on\()/,
    owners: ["main.ts", "cli/signals.ts"],
  },
  {
    what: "names of folders in a repository",
    pattern: /["'`](?:basebackups|wal|binlog|oplog)_005/,
    owners: ["catalog/storage-layout.ts"],
  },
  {
    what: "native addons",
    pattern: /process\.dlopen\(|\.node["'`]/,
    owners: ["base/addon.ts", "base/addon-files.ts", "base/node-addon.d.ts"],
  },
];

/** Packages, and who may import them: everything else reaches them through these files. */
export const PACKAGE_OWNERS: Readonly<Record<string, readonly string[]>> = {
  cac: ["cli/"],
  "@google-cloud/storage": ["storage/gcs/"],
  "@azure/storage-blob": ["storage/azure/"],
  "@aws-sdk/client-s3": ["storage/s3/"],
  "@aws-sdk/credential-providers": ["storage/s3/"],
  "@mongodb-js/zstd": ["codec/"],
  "libsodium-wrappers-sumo": ["cipher/"],
  openpgp: ["cipher/"],
  ssh2: ["storage/sftp/"],
  "ssh2-sftp-client": ["storage/sftp/"],
};

/** Slow to load (3 to 7 ms each): a process that archives one segment must not pay for them. */
export const SLOW_MODULES = [
  "node:crypto",
  "node:zlib",
  "node:stream",
  "node:http",
  "node:https",
  "node:net",
  "node:tls",
  "node:child_process",
  "node:worker_threads",
];

/** Packages that a start may load: parsing the command line takes 1.5 ms. */
export const START_PACKAGES = ["cac"];

/** What runs once per segment, with the modules that it loads on its way to a file or to S3. */
export const HOT_ENTRIES = [
  "src/main.ts",
  "src/command/wal-push.ts",
  "src/command/wal-fetch.ts",
  "src/storage/file/driver.ts",
  "src/storage/service/driver.ts",
  "src/storage/gcs/open.ts",
  "src/storage/azure/open.ts",
  "src/codec/zstd.ts",
  "src/codec/lz4.ts",
];

/** Sources that the program does not reach, and why they are there. */
export const UNREACHED: Readonly<Record<string, string>> = {
  "storage/memory/driver.ts": "the storage that unit tests run on, held to the same suite",
};

/**
 * Sources without a unit test of their own, and the test that proves them: by driving the whole
 * of which they are a part, or by comparing the table that they are.
 */
export const PROVEN_BY: readonly (readonly [place: string, test: string])[] = [
  ["main.ts", "test/e2e/binary-image.test.ts"],
  ["cipher/openpgp.ts", "test/conformance/cipher.openpgp.test.ts"],
  ["cipher/dare.ts", "test/conformance/cipher.dare.test.ts"],
  ["cipher/chacha20-poly1305.ts", "test/conformance/cipher.dare.test.ts"],
  ["cipher/kms-envelope.ts", "test/conformance/cipher.aws-kms.test.ts"],
  ["cipher/enveloped-openpgp.ts", "test/conformance/cipher.yandex-kms.test.ts"],
  ["cipher/kms/", "test/conformance/cipher.yandex-kms.test.ts"],
  ["cipher/openpgp-protected.ts", "test/conformance/cipher.openpgp.test.ts"],
  ["cipher/openpgp-packets.ts", "test/conformance/cipher.gnupg.test.ts"],
  ["tar/chunked-output.ts", "test/unit/tar/writer.test.ts"],
  ["storage/memory/", "test/conformance/storage-driver.memory.test.ts"],
  ["storage/file/", "test/conformance/storage-driver.file.test.ts"],
  ["storage/service/", "test/conformance/storage-driver.s3.test.ts"],
  ["storage/s3/", "test/conformance/storage-driver.s3.test.ts"],
  ["storage/gcs/", "test/conformance/storage-driver.gcs.test.ts"],
  ["storage/azure/", "test/conformance/storage-driver.azure.test.ts"],
  ["storage/sftp/", "test/conformance/storage-driver.sftp.test.ts"],
  ["database/registry.ts", "test/e2e/backup-push.test.ts"],
  ["base/compiler-policy.ts", "test/e2e/backup-push.test.ts"],
  ["database/postgres/session.ts", "test/conformance/postgres-session.test.ts"],
  ["database/postgres/remote-backup.ts", "test/conformance/postgres-remote-backup.test.ts"],
  ["database/postgres/base-backup-events.ts", "test/conformance/postgres-remote-backup.test.ts"],
  ["database/postgres/local-backup.ts", "test/e2e/backup-push.test.ts"],
  ["database/postgres/change-record.ts", "test/e2e/backup-push-delta.test.ts"],
  ["database/postgres/delta-begin.ts", "test/e2e/backup-push-delta.test.ts"],
  ["database/postgres/opened-file.ts", "test/unit/database/postgres/backup-file.test.ts"],
  ["database/backup-document.ts", "test/unit/database/fetch-backup.test.ts"],
  ["database/postgres/streamed-backup.ts", "test/e2e/backup-push.test.ts"],
  ["database/postgres/wire/", "test/conformance/postgres-wire.test.ts"],
  ["database/postgres/recovery-target.ts", "test/guarantee/g39-right-backup.test.ts"],
  ["database/postgres/restore-adapter.ts", "test/guarantee/g39-right-backup.test.ts"],
  ["database/postgres/restore-session.ts", "test/guarantee/g36-restored-files.test.ts"],
  ["database/postgres/delta-target.ts", "test/guarantee/g35-delta-targets.test.ts"],
  ["database/postgres/restore-entry.ts", "test/guarantee/g38-delta-restore.test.ts"],
  ["database/postgres/restore-list.ts", "test/guarantee/g38-delta-restore.test.ts"],
  ["database/postgres/restore-needs.ts", "test/guarantee/g38-delta-restore.test.ts"],
  ["database/postgres/restore-pieces.ts", "test/guarantee/g38-delta-restore.test.ts"],
  ["database/postgres/restore-sweep.ts", "test/guarantee/g38-delta-restore.test.ts"],
  ["database/postgres/partial-restore.ts", "test/guarantee/g42-partial-restore.test.ts"],
  ["database/postgres/stand-ins.ts", "test/guarantee/g42-partial-restore.test.ts"],
  ["database/postgres/restored-file.ts", "test/guarantee/g38-delta-restore.test.ts"],
  ["command/backup-push.ts", "test/e2e/backup-push.test.ts"],
  ["command/wal-push-ahead.ts", "test/e2e/wal-push-ahead.test.ts"],
  ["command/wal-push-file.ts", "test/unit/command/wal-push.test.ts"],
  ["command/wal-records.ts", "test/unit/command/wal-push.test.ts"],
  ["command/take-backup.ts", "test/e2e/backup-push.test.ts"],
  ["command/backup-fetch.ts", "test/e2e/restore-fixtures.test.ts"],
  ["command/copy.ts", "test/e2e/copy.test.ts"],
  ["command/two-storages.ts", "test/e2e/copy.test.ts"],
  ["command/st-copy.ts", "test/e2e/storage-transfer.test.ts"],
  ["command/st-transfer.ts", "test/e2e/storage-transfer.test.ts"],
  ["command/st-transfer-backups.ts", "test/e2e/storage-transfer.test.ts"],
  ["command/st-transfer-files.ts", "test/e2e/storage-transfer.test.ts"],
  ["command/st-transfer-pg-wals.ts", "test/e2e/storage-transfer.test.ts"],
  ["database/backup-copier.ts", "test/unit/database/copy-backups.test.ts"],
  ["database/copied-backup.ts", "test/unit/database/copy-backups.test.ts"],
  ["command/wal-restore.ts", "test/e2e/wal-restore.test.ts"],
  ["database/postgres/rewind-cluster.ts", "test/e2e/wal-restore.test.ts"],
  ["database/postgres/rewind-wal.ts", "test/e2e/wal-restore.test.ts"],
  ["database/postgres/running-server.ts", "test/e2e/wal-restore.test.ts"],
  ["command/stored-bytes.ts", "test/unit/command/st-get.test.ts"],
  ["command/storage-check.ts", "test/unit/command/st-check-read.test.ts"],
  ["command/catchup-fetch.ts", "test/e2e/catchup.test.ts"],
  ["command/catchup-list.ts", "test/e2e/catchup.test.ts"],
  ["command/catchup-push.ts", "test/e2e/catchup.test.ts"],
  ["command/catchup-receive.ts", "test/e2e/catchup.test.ts"],
  ["command/catchup-repository.ts", "test/e2e/catchup.test.ts"],
  ["command/catchup-send.ts", "test/e2e/catchup.test.ts"],
  ["database/postgres/catchup-apply.ts", "test/e2e/catchup.test.ts"],
  ["database/postgres/catchup-begin.ts", "test/e2e/catchup.test.ts"],
  ["database/postgres/catchup-network.ts", "test/e2e/catchup.test.ts"],
  ["database/postgres/catchup-peer.ts", "test/e2e/catchup.test.ts"],
  ["database/postgres/catchup-receive.ts", "test/e2e/catchup.test.ts"],
  ["database/postgres/catchup-send.ts", "test/e2e/catchup.test.ts"],
  ["database/postgres/catchup-session.ts", "test/e2e/catchup.test.ts"],
  ["command/specs/", "test/unit/command/all.test.ts"],
];
