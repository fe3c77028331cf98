import { readFileSync } from "node:fs";
import { UsageError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { Sentinel } from "../../catalog/sentinel.ts";
import type { RestoreRequest } from "../adapter.ts";
import { parseControlFile } from "./control-file.ts";
import { decodeInlineFilesMetadata, readFilesMetadata } from "./files-metadata-reader.ts";
import type { BackupFiles, FileChoice } from "./restore-files.ts";
import { RestoreSelection } from "./restore-selection.ts";
import type { FileSyncer } from "./restore-sync.ts";
import { type RestoreTree, targetPathOf } from "./restore-tree.ts";
import { inlineFilesMetadata, type PostgresSentinel } from "./sentinel-document.ts";
import { StandIns } from "./stand-ins.ts";

/** What stands for a file that is left out depends on the server's formats. */
const OLDEST_VERSION = 130_000;
const PAGE_BYTES = 8192;

/** What `--restore-only` asks for; undefined when it was not given. */
export async function beginPartialRestore(
  newest: { readonly sentinel: Sentinel; readonly facts: PostgresSentinel },
  request: RestoreRequest,
): Promise<PartialRestore | undefined> {
  const { only } = request.options;
  if (only.length === 0) return undefined;
  if (newest.facts.pgVersion < OLDEST_VERSION) {
    throw new UsageError("--restore-only needs a backup of PostgreSQL 13 or later");
  }
  const selection = new RestoreSelection(only);
  const { sentinel } = newest;
  const what = `files_metadata.json of ${sentinel.name}`;
  const inline = inlineFilesMetadata(sentinel);
  if (inline === undefined) {
    const stored = await request.document(sentinel.name, "files_metadata.json");
    if (stored !== undefined) {
      const database: RestoreSelection["addDatabase"] = (name, value) =>
        selection.addDatabase(name, value);
      await readFilesMetadata(stored, what, { database });
    }
  } else {
    const { databases } = decodeInlineFilesMetadata(inline, what);
    for (const [name, value] of databases) selection.addDatabase(name, value);
  }
  selection.check(sentinel.name);
  return new PartialRestore(selection, request.log);
}

/** A restore of some databases and tables: the rest is replaced by what cannot be read. */
export class PartialRestore {
  readonly #selection: RestoreSelection;
  readonly #standIns = new StandIns();
  readonly #log: Logger;

  constructor(selection: RestoreSelection, log: Logger) {
    this.#selection = selection;
    this.#log = log;
  }

  readonly choice: FileChoice = {
    isChosen: (name) => this.#selection.isChosen(targetPathOf(name, "a list of files")),
    onLeftOut: (name) => this.#standIns.note(targetPathOf(name, "a list of files")),
  };

  /** A part holds a file that is not restored: so large it is, undefined of an increment. */
  leaveOut(path: string, sizeBytes: number | undefined, files: BackupFiles): void {
    if (!files.isListed) this.#standIns.note(path);
    // An increment has pages, also where the file was empty before: it must not come back so.
    this.#standIns.grow(path, sizeBytes ?? PAGE_BYTES);
  }

  /** Everything that is restored is in its place, but for the control file's last name. */
  async finish(tree: RestoreTree, syncer: FileSyncer, controlPath: string): Promise<void> {
    const path = tree.pathOf(controlPath);
    const control = parseControlFile(readFileSync(path), path);
    if (control.blockBytes !== PAGE_BYTES) {
      throw new UsageError(
        `--restore-only: pages of ${control.blockBytes} bytes are not supported`,
      );
    }
    await this.#standIns.write(tree, syncer, control);
    this.#log.warning(
      `${this.#standIns.count} files are left out: reading what they belong to fails until it is ` +
        "dropped. Indexes that were not named need a REINDEX",
    );
    const { leftOut } = this.#selection;
    if (leftOut.length === 0) return;
    const names = leftOut.map((name) => JSON.stringify(name)).join(", ");
    this.#log.warning(`left out whole, refuse connections, and are to be dropped: ${names}`);
  }
}
