import { type LocalZone, systemZone, UTC_ZONE } from "../base/local-zone.ts";
import type { Logger } from "../base/log.ts";
import {
  type ListColumn,
  type ListedBackup,
  listColumns,
  printListJson,
  withDetails,
} from "../catalog/backup-listing.ts";
import type { BackupMetadata } from "../catalog/backup-metadata.ts";
import type { BackupEntry } from "../catalog/catalog.ts";
import {
  CatalogUnion,
  type NamedDriver,
  type PlacedBackup,
  type UnansweredError,
} from "../catalog/catalog-union.ts";
import type { Invocation } from "./command.ts";
import { openReadable } from "./storage-access.ts";
import { renderBox, renderTabbed } from "./table.ts";

/** Prints the backups in storage: plain, `--pretty`, `--json`, each also with `--detail`. */
export async function run(invocation: Invocation): Promise<void> {
  const { options, output, log, signal, personality } = invocation;
  await using storages = await openReadable(invocation);
  const { repositories } = storages;
  const { text, failures } = await listBackups({
    union: new CatalogUnion({ repositories, database: personality.database }),
    zoneOf: ({ driver }) => zoneOfStorage(driver.name, systemZone()),
    isDetailed: options.flag("detail"),
    isJson: options.flag("json"),
    isPretty: options.flag("pretty"),
    log,
    signal,
  });
  if (text !== "") output.write(text);
  // What was listed is not all there is.
  for (const failure of failures.slice(1)) log.error(failure.message);
  if (failures[0] !== undefined) throw failures[0];
}

export interface ListRequest {
  readonly union: CatalogUnion<NamedDriver>;
  /** Of a storage's times. */
  readonly zoneOf: (repository: NamedDriver) => LocalZone;
  readonly isDetailed: boolean;
  readonly isJson: boolean;
  readonly isPretty: boolean;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export interface BackupList {
  /** What is printed; empty when there is nothing to print. */
  readonly text: string;
  /** Storages of which nothing is in it. */
  readonly failures: readonly UnansweredError[];
}

export async function listBackups(request: ListRequest): Promise<BackupList> {
  const { union, signal } = request;
  const { backups, failures } = await union.list(signal);
  const zones = new Map(
    backups.map(({ entry, repository }) => {
      return [entry.storage, request.zoneOf(repository)];
    }),
  );
  const zoneOf = ({ storage }: BackupEntry) => zones.get(storage) ?? UTC_ZONE;
  const listed = await withWished(backups, request);
  if (listed.length === 0 && failures.length === 0) request.log.info("No backups found");
  return { text: printed(listed, { ...request, zoneOf }), failures };
}

function printed(
  backups: readonly ListedBackup[],
  wish: Pick<ListRequest, "isDetailed" | "isJson" | "isPretty"> & {
    readonly zoneOf: (entry: BackupEntry) => LocalZone;
  },
): string {
  const { zoneOf, isDetailed, isJson, isPretty } = wish;
  if (isJson) return printListJson(backups, { zoneOf, isIndented: isPretty });
  if (backups.length === 0) return "";
  const columns = listColumns({ zoneOf, isDetailed });
  return isPretty ? prettyTable(columns, backups) : plainTable(columns, backups);
}

/**
 * Directories, local or over SFTP, have times of the machine, which WAL-G shows in its local
 * zone; object stores report theirs in UTC, and they are shown so.
 */
export function zoneOfStorage(driverName: string, local: LocalZone): LocalZone {
  return /^(?:file|ssh|sftp):/.test(driverName) ? local : UTC_ZONE;
}

async function withWished(
  backups: readonly PlacedBackup<NamedDriver>[],
  { isDetailed, signal }: ListRequest,
): Promise<readonly ListedBackup[]> {
  const entries = backups.map(({ entry }) => entry);
  if (!isDetailed) return entries.map((entry) => ({ entry, details: undefined }));
  const details = new Map<BackupEntry, BackupMetadata | undefined>();
  for (const catalog of new Set(backups.map((backup) => backup.catalog))) {
    const own = backups.filter((backup) => backup.catalog === catalog);
    const names = own.map(({ entry }) => entry.name);
    const metadata = await catalog.metadataOf(names, signal);
    for (const { entry } of own) details.set(entry, metadata.get(entry.name));
  }
  return withDetails(entries, details);
}

function plainTable(columns: readonly ListColumn[], backups: readonly ListedBackup[]): string {
  const rows = backups.map((backup) => columns.map((column) => column.plain(backup)));
  return renderTabbed([columns.map((column) => column.name), ...rows]);
}

function prettyTable(columns: readonly ListColumn[], backups: readonly ListedBackup[]): string {
  return renderBox({
    header: ["#", ...columns.map((column) => column.title)],
    rows: backups.map((backup, index) => {
      return [String(index), ...columns.map((column) => column.pretty(backup))];
    }),
    numericColumns: [0],
  });
}
