import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../base/errors.ts";
import { walBaseKey } from "../catalog/storage-layout.ts";
import { bytesSource } from "../stream/byte-stream.ts";
import { writeDocument } from "../transfer/object-writer.ts";
import type { Repository } from "../transfer/repository.ts";

/** `UPLOAD_WAL_METADATA`: one JSON object a file, or one for each 16 segments. */
export type WalMetadataMode = "individual" | "bulk";

const DATE_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ";
const GROUP_SEGMENTS = 16;
const SEGMENT = /^[0-9A-F]{24}$/;

export interface WalMetadataFile {
  readonly name: string;
  readonly modifiedAt: Date;
}

/**
 * Stores WAL-G's metadata of archived WAL: `wal_005/<file>.json`, or, in bulk, that of 16
 * segments as `wal_005/<first 23 digits>.json`, once the segment that ends in F is stored. Until
 * then the entries wait in `directory`. Metadata is derived, so it may be written again.
 */
export class WalMetadata {
  readonly #repository: Repository;
  readonly #mode: WalMetadataMode;
  readonly #directory: string;
  readonly #touchedGroups = new Set<string>();

  constructor(
    repository: Repository,
    options: { readonly mode: WalMetadataMode; readonly directory: string },
  ) {
    this.#repository = repository;
    this.#mode = options.mode;
    this.#directory = options.directory;
  }

  /** A file was stored. */
  async record(file: WalMetadataFile, signal: AbortSignal): Promise<void> {
    if (this.#mode === "bulk" && SEGMENT.test(file.name)) {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      writeFileSync(join(this.#directory, file.name), entryOf(file));
      this.#touchedGroups.add(groupOf(file.name));
      return;
    }
    const document = `{${JSON.stringify(file.name)}:${entryOf(file)}}`;
    await this.#store(file.name, document, signal);
  }

  /** The end of a run: stores each group of which the last segment and one of this run is there. */
  async finish(signal: AbortSignal): Promise<void> {
    if (this.#touchedGroups.size === 0) return;
    const names = recordedIn(this.#directory);
    for (const group of this.#touchedGroups) {
      const members = names.filter((name) => groupOf(name) === group);
      if (!members.includes(`${group}F`)) continue;
      const entries = entriesOf(this.#directory, members);
      // Another run stored the group, and removed what it was made of.
      if (entries === undefined) continue;
      await this.#store(group, `{${entries.join(",")}}`, signal);
      // An incomplete group is kept: a segment that failed may still come, and is merged then.
      const done = names.filter((name) => groupOf(name) < group);
      if (members.length === GROUP_SEGMENTS) done.push(...members);
      for (const name of done) rmSync(join(this.#directory, name), { force: true });
    }
  }

  async #store(name: string, document: string, signal: AbortSignal): Promise<void> {
    await writeDocument(this.#repository.driver, {
      key: walBaseKey(`${name}.json`),
      source: bytesSource(document),
      ifAbsent: false,
      signal,
    });
  }
}

function groupOf(name: string): string {
  return name.slice(0, -1);
}

function entryOf(file: WalMetadataFile): string {
  return JSON.stringify({ created_time: file.modifiedAt.toISOString(), date_fmt: DATE_FORMAT });
}

function entriesOf(directory: string, names: readonly string[]): readonly string[] | undefined {
  try {
    return names.map((name) => {
      return `${JSON.stringify(name)}:${readFileSync(join(directory, name), "utf8")}`;
    });
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function recordedIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => SEGMENT.test(name))
      .sort();
  } catch {
    return [];
  }
}
