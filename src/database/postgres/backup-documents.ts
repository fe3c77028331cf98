import { goTimeOfDate } from "../../base/go-time.ts";
import type { JsonValue } from "../../base/json.ts";
import { FILES_METADATA_NAME, METADATA_NAME } from "../../catalog/storage-layout.ts";
import type { Lsn } from "../../delta/lsn.ts";
import { type ByteSource, bytesSource } from "../../stream/byte-stream.ts";
import type { BackupDocument } from "../adapter.ts";
import { encodeBackupMetadata } from "./backup-metadata.ts";
import {
  encodePostgresSentinel,
  type PageGuard,
  type PostgresIncrement,
} from "./sentinel-document.ts";
import type { TablespaceSpec } from "./tablespace-spec.ts";

/** What metadata.json and the sentinel say of a backup that has ended. */
export interface BackupFacts {
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly startLsn: Lsn;
  /** undefined: a full backup. */
  readonly increment: PostgresIncrement | undefined;
  readonly finishLsn: Lsn;
  readonly pgVersion: number;
  /** undefined: nobody asked the server. */
  readonly pageGuard: PageGuard | undefined;
  readonly systemIdentifier: bigint;
  readonly hostname: string;
  readonly dataDir: string;
  readonly isPermanent: boolean;
  readonly userData: JsonValue | undefined;
  /** Sum of the sizes of tar entries. */
  readonly uncompressedBytes: number;
  readonly compressedBytes: number;
  /** Sum of lstat sizes; 0: unknown. */
  readonly dataCatalogBytes: number;
  readonly tablespaces: TablespaceSpec | undefined;
  /** undefined: the user wants none. */
  readonly filesMetadata: ByteSource | undefined;
}

/** The documents in the order in which WAL-G stores them, and the sentinel's. */
export function describeBackup(facts: BackupFacts): {
  readonly documents: readonly BackupDocument[];
  readonly sentinel: Readonly<Record<string, unknown>>;
} {
  const common = {
    ...facts,
    startTime: goTimeOfDate(facts.startedAt),
    finishTime: goTimeOfDate(facts.finishedAt),
  };
  const metadata = bytesSource(encodeBackupMetadata(common));
  const documents: BackupDocument[] = [{ name: METADATA_NAME, content: metadata }];
  if (facts.filesMetadata !== undefined) {
    documents.push({ name: FILES_METADATA_NAME, content: facts.filesMetadata });
  }
  const sentinel = encodePostgresSentinel({
    ...common,
    filesMetadataDisabled: facts.filesMetadata === undefined,
    checkpointNumber: undefined,
    parentCheckpointNumber: undefined,
  });
  return { documents, sentinel };
}
