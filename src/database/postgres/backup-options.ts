import type { Clock } from "../../base/clock.ts";
import type { LocalZone } from "../../base/local-zone.ts";
import type { Logger } from "../../base/log.ts";
import type { RateLimit } from "../../stream/token-bucket.ts";
import type { CatchupRequest } from "./catchup-begin.ts";
import type { ConnectionSettings } from "./connection-settings.ts";

/** How a PostgreSQL backup is taken: what the settings and flags of backup-push say. */
export interface PostgresBackupOptions {
  readonly connection: ConnectionSettings;
  /** undefined: over the replication protocol. */
  readonly dataDir: string | undefined;
  /** A part is closed after the file that takes it past this many content bytes. */
  readonly thresholdBytes: number;
  /** Files are read by several parts at once. */
  readonly isParallel: boolean;
  /** Of reading the data directory. */
  readonly diskLimit?: RateLimit | undefined;
  /** Check page checksums, where the cluster has them. */
  readonly verifiesPages: boolean;
  /** Record every corrupt block, not just the first few of a file. */
  readonly storesAllCorrupt: boolean;
  readonly writesFilesMetadata: boolean;
  /** Record which files belong to which table, for partial restores; of a directory only. */
  readonly namesTables: boolean;
  /** Maps of changed blocks are recorded beside the archived WAL: deltas may use them. */
  readonly usesDeltaMaps: boolean;
  /** A delta that has no record of the changes fails, instead of looking through all pages. */
  readonly needsChangeRecord: boolean;
  /** How long a delta waits for the server's WAL summaries to reach its start. */
  readonly summaryWaitMs: number | undefined;
  readonly aliveCheckIntervalMs: number;
  readonly stopTimeoutMs: number | undefined;
  /** undefined: a backup, which builds on other backups or on none. */
  readonly catchup?: CatchupRequest | undefined;
  /** Nobody looks into the repository, so the server's word for its archiver has to do. */
  readonly waitsForArchiver: boolean;
  readonly hostname: string;
  readonly zone: LocalZone;
  readonly clock: Clock;
  readonly log: Logger;
}
