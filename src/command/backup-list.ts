import { type LocalZone, systemZone, UTC_ZONE } from "../base/local-zone.ts";
import type { Logger } from "../base/log.ts";
import {
  type ListColumn,
  type ListedBackup,
  listColumns,
  printListJson,
  withDetails,
} from "../catalog/backup-listing.ts";
import { Catalog } from "../catalog/catalog.ts";
import type { Invocation } from "./command.ts";
import { openRepository } from "./context.ts";
import { renderBox, renderTabbed } from "./table.ts";

/** Prints the backups in storage: plain, `--pretty`, `--json`, each also with `--detail`. */
export async function run(invocation: Invocation): Promise<void> {
  const { options, output, log, signal, personality } = invocation;
  await using repository = await openRepository(invocation, "read");
  const text = await listBackups({
    catalog: new Catalog({ repository, database: personality.database }),
    zone: zoneOfStorage(repository.driver.name, systemZone()),
    isDetailed: options.flag("detail"),
    isJson: options.flag("json"),
    isPretty: options.flag("pretty"),
    log,
    signal,
  });
  if (text !== "") output.write(text);
}

export interface ListRequest {
  readonly catalog: Catalog;
  /** Zone of the storage's times. */
  readonly zone: LocalZone;
  readonly isDetailed: boolean;
  readonly isJson: boolean;
  readonly isPretty: boolean;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** What is printed; empty when there is nothing to print. */
export async function listBackups(request: ListRequest): Promise<string> {
  const { zone, isDetailed, isJson, isPretty } = request;
  const backups = await readBackups(request);
  if (backups.length === 0) request.log.info("No backups found");
  if (isJson) return printListJson(backups, { zone, isIndented: isPretty });
  if (backups.length === 0) return "";
  const columns = listColumns({ zone, isDetailed });
  return isPretty ? prettyTable(columns, backups) : plainTable(columns, backups);
}

/**
 * Directories, local or over SFTP, have times of the machine, which WAL-G shows in its local
 * zone; object stores report theirs in UTC, and they are shown so.
 */
export function zoneOfStorage(driverName: string, local: LocalZone): LocalZone {
  return /^(?:file|ssh|sftp):/.test(driverName) ? local : UTC_ZONE;
}

async function readBackups(request: ListRequest): Promise<readonly ListedBackup[]> {
  const { catalog, signal } = request;
  const entries = await catalog.list(signal);
  if (!request.isDetailed) return entries.map((entry) => ({ entry, details: undefined }));
  const names = entries.map((entry) => entry.name);
  return withDetails(entries, await catalog.metadataOf(names, signal));
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
