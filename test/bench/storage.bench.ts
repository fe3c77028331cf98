import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binaryPath } from "../support/scratch.ts";
import {
  alternate,
  type Contestant,
  type MeasuredCommand,
  measure,
  type Result,
} from "./measure.ts";
import type { BenchTable, Goal } from "./report.ts";
import { PART, PARTS_AT_ONCE, PLACES, type Place } from "./storage-places.ts";

/** Memory: neither a disk nor its cache decides anything then. */
const MEMORY_DIR = "/dev/shm";
const OBJECT = "object";
const MIB = 1 << 20;

export interface StorageBench {
  readonly sizeMiB: number;
  readonly rounds: number;
}

type Direction = "put" | "get";

/** One object put into each storage and got back, against rclone on the same server. */
export async function benchStorage(options: StorageBench): Promise<readonly BenchTable[]> {
  const before = process.env["TMPDIR"];
  // What the servers keep goes there too: they ask for the temporary folder.
  if (existsSync(MEMORY_DIR)) process.env["TMPDIR"] = MEMORY_DIR;
  const folder = mkdtempSync(join(tmpdir(), "tidemark-storage-"));
  try {
    writeRandomFile(join(folder, "source"), options.sizeMiB);
    const puts: Result[] = [];
    const gets: Result[] = [];
    for (const start of PLACES) {
      await using place = await start(folder);
      const transfers = new Transfers(place, folder);
      puts.push(...(await alternate(transfers.contestants("put"), options.rounds)));
      await transfers.store();
      gets.push(...(await alternate(transfers.contestants("get"), options.rounds)));
    }
    return [toTable("put", options, puts), toTable("get", options, gets)];
  } finally {
    rmSync(folder, { recursive: true });
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  }
}

/** The same file to one place and back, by each program. */
class Transfers {
  readonly #place: Place;
  readonly #folder: string;
  readonly #source: string;
  readonly #target: string;
  #isStored = false;

  constructor(place: Place, folder: string) {
    this.#place = place;
    this.#folder = folder;
    this.#source = join(folder, "source");
    this.#target = join(folder, "target");
  }

  contestants(direction: Direction): readonly Contestant[] {
    const { name, own } = this.#place;
    const others =
      own === undefined
        ? []
        : [this.#contestant(own.name, direction, { argv: this.#own(direction) })];
    return [
      this.#contestant("tidemark", direction, this.#tidemark(direction)),
      this.#contestant("rclone", direction, this.#rclone(direction)),
      ...others,
    ].map((contestant) => ({ ...contestant, name: `${name}: ${contestant.name}` }));
  }

  /** Stores the object that everybody gets. */
  async store(): Promise<void> {
    await this.#remove();
    await measure(this.#tidemark("put"));
    this.#isStored = true;
  }

  #contestant(name: string, direction: Direction, command: MeasuredCommand): Contestant {
    return {
      name,
      prepare: async () => {
        if (direction === "put") await this.#remove();
      },
      run: async () => {
        const startMs = this.#place.serverCpuMs();
        const measured = await measure(command);
        const endMs = this.#place.serverCpuMs();
        if (direction === "put") this.#isStored = true;
        else this.#requireSame();
        if (startMs === undefined || endMs === undefined) return measured;
        return { ...measured, serverCpuMs: endMs - startMs };
      },
    };
  }

  async #remove(): Promise<void> {
    if (this.#isStored) await measure(this.#st("rm", OBJECT));
    this.#isStored = false;
  }

  /** What was got is compared, and removed. */
  #requireSame(): void {
    const { exitCode, stdout } = Bun.spawnSync(["cmp", this.#source, this.#target]);
    if (exitCode !== 0) throw new Error(`${this.#place.name}: ${stdout}`);
    rmSync(this.#target);
  }

  #tidemark(direction: Direction): MeasuredCommand {
    return direction === "put"
      ? this.#st("put", this.#source, OBJECT)
      : this.#st("get", "--no-decompress", OBJECT, this.#target);
  }

  #st(...words: readonly string[]): MeasuredCommand {
    const env = { ...this.#place.settings, TIDEMARK_COMPRESSION_METHOD: "none" };
    return { argv: [binaryPath(), "st", ...words], env };
  }

  #rclone(direction: Direction): MeasuredCommand {
    const { root, environment, flags } = this.#place.rclone;
    const object = `${root}/${OBJECT}`;
    const ends = direction === "put" ? [this.#source, object] : [object, this.#target];
    const env = { ...environment, RCLONE_CONFIG: "", HOME: this.#folder };
    return { argv: ["rclone", "copyto", ...flags, ...ends], env };
  }

  #own(direction: Direction): readonly string[] {
    const { own } = this.#place;
    if (own === undefined) throw new Error(`${this.#place.name} has no client of its own`);
    return direction === "put" ? own.put(this.#source, OBJECT) : own.get(OBJECT, this.#target);
  }
}

/** Nothing compresses it, and no file system stores less of it. */
function writeRandomFile(path: string, sizeMiB: number): void {
  const descriptor = openSync(path, "wx");
  const chunk = new Uint8Array(MIB);
  for (let written = 0; written < sizeMiB; written += 1) {
    for (let at = 0; at < MIB; at += 1 << 16)
      crypto.getRandomValues(chunk.subarray(at, at + (1 << 16)));
    writeSync(descriptor, chunk);
  }
  closeSync(descriptor);
}

function toTable(
  direction: Direction,
  { sizeMiB }: StorageBench,
  results: readonly Result[],
): BenchTable {
  const own = results.filter(({ name }) => name.endsWith(": tidemark"));
  const peerOf = (name: string) => `${name.slice(0, name.indexOf(":"))}: rclone`;
  return {
    title: `An object of ${sizeMiB} MiB, ${direction}`,
    note: noteOf(direction),
    results,
    reference: "rclone",
    referenceOf: peerOf,
    goals: own.flatMap(({ name: contestant }): Goal[] => [
      { contestant, figure: "wall", max: 1.1, of: peerOf(contestant) },
      { contestant, figure: "rss", max: 200 },
    ]),
  };
}

function noteOf(direction: Direction): string {
  const common =
    "Random bytes, neither compressed nor encrypted; source, target and what the servers keep " +
    "are in memory. Servers on this machine, so their processor time counts: MinIO, " +
    "fake-gcs-server, Azurite, OpenSSH. ";
  const put =
    "`st put` against `rclone copyto`, both with what they do by default but for rclone's parts: " +
    `on S3 and Azure of ${PART} and ${PARTS_AT_ONCE} at once, as ours are. On GCS both send ` +
    "chunks of 16 MiB one after the other, and fake-gcs-server hashes at each all that it has by " +
    "then, which is most of the time.";
  const get =
    "`st get` in one stream against `rclone copyto`, which takes four of a large object " +
    "(`--multi-thread-streams`) where the storage has ranges.";
  return common + (direction === "put" ? put : get);
}
