import { realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { InvalidJournalError } from "../../wal/errors.ts";
import type { SegmentOwner } from "../../wal/segment-check.ts";
import { type ControlFile, readControlFileIfPresent } from "./control-file.ts";

export interface IdentityRequest {
  /** A WAL file, or the place where one goes: `<data directory>/pg_wal/<name>`. */
  readonly path: string;
  /** PostgreSQL runs archive_command and restore_command in the data directory. */
  readonly workingDirectory: string;
  /** The PGDATA setting; undefined: not to be asked. */
  readonly dataDirectory: string | undefined;
}

/**
 * The cluster that a WAL file belongs to, by every `pg_control` in reach: beside the file's
 * folder, in the working directory, and in PGDATA. All that are there must agree.
 */
export function clusterIdentity(request: IdentityRequest): SegmentOwner {
  const candidates = [
    dirname(dirname(resolve(request.workingDirectory, request.path))),
    request.workingDirectory,
    ...(request.dataDirectory === undefined ? [] : [request.dataDirectory]),
  ];
  let known: { readonly directory: string; readonly control: ControlFile } | undefined;
  for (const directory of new Set(candidates.map(canonical))) {
    const control = readControlFileIfPresent(directory);
    if (control === undefined) continue;
    if (known !== undefined && known.control.systemIdentifier !== control.systemIdentifier) {
      throw new InvalidJournalError(
        request.path,
        `${known.directory} and ${directory} are data directories of different clusters`,
        "Set PGDATA to the cluster's own directory, or run the command there.",
      );
    }
    known ??= { directory, control };
  }
  if (known === undefined) return {};
  const { systemIdentifier, segmentBytes, walBlockBytes } = known.control;
  return { systemIdentifier, segmentBytes, walBlockBytes };
}

/** Links resolved where they can be: one directory is read once. */
function canonical(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
