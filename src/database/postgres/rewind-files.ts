import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { basename } from "node:path";
import { FilesystemError, messageOf } from "../../base/errors.ts";
import type { Lsn } from "../../delta/lsn.ts";
import { InvalidJournalError } from "../../wal/errors.ts";
import { LONG_HEADER_BYTES } from "../../wal/page-header.ts";
import { checkFirstPage, type SegmentOwner } from "../../wal/segment-check.ts";
import { isSegmentName } from "../../wal/segment-name.ts";
import type { ControlFile } from "./control-file.ts";
import type { WalBytes } from "./rewind-chain.ts";

interface OpenSegment {
  readonly number: bigint;
  readonly path: string;
  readonly descriptor: number;
}

/** The WAL of a pg_wal directory, one open segment and one page at a time. */
export class LocalWal implements WalBytes, Disposable {
  readonly segmentBytes: number;
  readonly pageBytes: number;
  readonly #owner: SegmentOwner;
  readonly #pathOf: (number: bigint) => Promise<string>;
  readonly #page: Uint8Array;
  /** Where the page begins that is in memory. */
  #pageStart = -1n;
  #segment: OpenSegment | undefined;

  /** `pathOf` brings a segment into place when it is not there. */
  constructor(
    owner: Pick<ControlFile, "systemIdentifier" | "segmentBytes" | "walBlockBytes">,
    pathOf: (number: bigint) => Promise<string>,
  ) {
    this.segmentBytes = owner.segmentBytes;
    this.pageBytes = owner.walBlockBytes;
    this.#owner = owner;
    this.#pathOf = pathOf;
    this.#page = new Uint8Array(owner.walBlockBytes);
  }

  async read(target: Uint8Array, lsn: Lsn): Promise<void> {
    const offset = Number(lsn % BigInt(this.pageBytes));
    await this.#load(lsn - BigInt(offset));
    target.set(this.#page.subarray(offset, offset + target.byteLength));
  }

  [Symbol.dispose](): void {
    if (this.#segment !== undefined) closeSync(this.#segment.descriptor);
    this.#segment = undefined;
  }

  async #load(start: bigint): Promise<void> {
    if (start === this.#pageStart) return;
    const { descriptor, path } = await this.#open(start / BigInt(this.segmentBytes));
    const position = Number(start % BigInt(this.segmentBytes));
    const bytes = readSync(descriptor, this.#page, 0, this.pageBytes, position);
    if (bytes < this.pageBytes) throw new InvalidJournalError(path, "ends early");
    this.#pageStart = start;
  }

  async #open(number: bigint): Promise<OpenSegment> {
    if (this.#segment?.number === number) return this.#segment;
    this[Symbol.dispose]();
    const path = await this.#pathOf(number);
    const descriptor = openForReading(path);
    this.#segment = { number, path, descriptor };
    this.#check(path, descriptor);
    return this.#segment;
  }

  /** What lies there was not brought by us: it must at least be the segment of that name. */
  #check(path: string, descriptor: number): void {
    const name = basename(path);
    const head = new Uint8Array(LONG_HEADER_BYTES);
    const bytes = readSync(descriptor, head, 0, head.byteLength, 0);
    if (!isSegmentName(name)) throw new InvalidJournalError(path, "is no name of a WAL segment");
    checkFirstPage(name, head.subarray(0, bytes), this.#owner);
    const { size } = fstatSync(descriptor);
    if (size !== this.segmentBytes) throw new InvalidJournalError(path, `has ${size} bytes`);
  }
}

function openForReading(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw new FilesystemError(path, messageOf(cause), { cause });
  }
}
