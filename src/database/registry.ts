/**
 * Database kind → its code, loaded when first needed. The only file outside of `database/<kind>`
 * that imports a kind.
 */

/** PostgreSQL's WAL on this machine: what wal-push and wal-fetch work on. */
export function loadPostgresWal(): Promise<typeof import("./postgres/wal-archive.ts")> {
  return import("./postgres/wal-archive.ts");
}

/** What the server waits to have archived, and what of it is stored already. */
export function loadPostgresQueue(): Promise<typeof import("./postgres/wal-queue.ts")> {
  return import("./postgres/wal-queue.ts");
}

/** Changed blocks, recorded while WAL is archived. */
export function loadPostgresDeltaMaps(): Promise<
  typeof import("./postgres/delta-map-recorder.ts")
> {
  return import("./postgres/delta-map-recorder.ts");
}

/** Backups of PostgreSQL. */
export function loadPostgresBackup(): Promise<typeof import("./postgres/backup-adapter.ts")> {
  return import("./postgres/backup-adapter.ts");
}

/** PostgreSQL's restores: they need no server. */
export function loadPostgresRestore(): Promise<typeof import("./postgres/restore-adapter.ts")> {
  return import("./postgres/restore-adapter.ts");
}

/** What a backup needs of the archive. */
export function loadPostgresBackupWal(): Promise<typeof import("./postgres/backup-wal.ts")> {
  return import("./postgres/backup-wal.ts");
}

/** Bringing a stopped standby forward in place. */
export function loadPostgresCatchup(): Promise<typeof import("./postgres/catchup-session.ts")> {
  return import("./postgres/catchup-session.ts");
}

/** The same between two hosts, without a repository. */
export function loadPostgresCatchupNetwork(): Promise<
  typeof import("./postgres/catchup-network.ts")
> {
  return import("./postgres/catchup-network.ts");
}

/** Completing pg_wal for pg_rewind. */
export function loadPostgresRewind(): Promise<typeof import("./postgres/rewind-wal.ts")> {
  return import("./postgres/rewind-wal.ts");
}
