import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { BackupName } from "../../src/catalog/backup-name.ts";
import type { Repository } from "../../src/transfer/repository.ts";
import { LABEL_TEXT, type MadeEntry, storeBackup } from "./made-backup.ts";
import type { Random } from "./random.ts";
import { pageLike } from "./sample-bytes.ts";

const PAGE = 8192;
const CONTROL = readFileSync(join(import.meta.dirname, "../golden/pg-control/17.bin"));
/** Of the control file above. */
const MADE_SYSTEM = 7711695318746939096n;
const START_LSN = 0x2000028;

export interface ChainOptions {
  /** Of the full backup's name; default 2. */
  readonly segment?: number;
  /** Size of one more relation, 77777. */
  readonly bigMiB?: number;
  /** false: the sentinels do not name the system. */
  readonly hasSystem?: boolean;
}

export interface MadeChain {
  readonly backup: BackupName;
  /** What the newest backup restores to, by name of the entry. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** A full backup of random files, with receipts, and so many random increments upon it. */
export async function storeRandomChain(
  repository: Repository,
  random: Random,
  deltaCount: number,
  options: ChainOptions = {},
): Promise<MadeChain> {
  let files: ReadonlyMap<string, Uint8Array> = firstFiles(random, options);
  let segment = options.segment ?? 2;
  let states = new Map([...files.keys()].map((name): [string, State] => [name, "whole"]));
  const full = await store(repository, random, {
    segment: nameOfSegment(segment),
    entries: [...files].map(([name, content]) => ({ name, content })),
    states,
    hasSystem: options.hasSystem !== false,
  });
  let parent = full;
  for (let depth = 1; depth <= deltaCount; depth++) {
    const next = changedFiles(random, files, depth);
    states = next.states;
    files = next.files;
    const parentSegment = parent.slice("base_".length, "base_".length + 24);
    segment += 2;
    parent = await store(repository, random, {
      segment: `${nameOfSegment(segment)}_D_${parentSegment}`,
      entries: next.entries,
      states,
      hasSystem: options.hasSystem !== false,
      sentinel: {
        DeltaLSN: START_LSN,
        DeltaFrom: parent,
        DeltaFullName: full,
        DeltaCount: depth,
      },
    });
  }
  return { backup: parent, files };
}

type State = "whole" | "increment" | "skipped";

interface MadeLink {
  readonly segment: string;
  readonly entries: readonly MadeEntry[];
  readonly states: ReadonlyMap<string, State>;
  readonly hasSystem: boolean;
  readonly sentinel?: Readonly<Record<string, unknown>>;
}

const FOLDERS = ["/", "/base", "/base/1", "/base/4", "/global", "/pg_wal", "/empty"];

async function store(repository: Repository, random: Random, made: MadeLink): Promise<BackupName> {
  const folders = FOLDERS.map((name) => ({ name, kind: "directory" as const, mode: 0o700 }));
  const link: MadeEntry = { name: "/link", kind: "symlink", linkName: "base/1", mode: 0o777 };
  const parts: Record<string, MadeEntry[]> = { part_001: [...folders, link] };
  for (const entry of made.entries) {
    const name = `part_00${1 + random.below(3)}`;
    parts[name] = [...(parts[name] ?? []), entry];
  }
  parts["pg_control"] = [{ name: "/global/pg_control", content: new Uint8Array(CONTROL) }];
  parts["backup_label"] = [
    { name: "backup_label", content: LABEL_TEXT },
    { name: "tablespace_map" },
  ];
  const facts = (state: State) => ({
    IsIncremented: state === "increment",
    IsSkipped: state === "skipped",
    MTime: "2026-01-01T10:00:00Z",
    UpdatesCount: 0,
  });
  const listed = [...FOLDERS, "/link"].map((name) => [name, facts("whole")] as const);
  for (const [name, state] of made.states) listed.push([name, facts(state)]);
  return await storeBackup(repository, {
    name: `base_${made.segment}`,
    parts,
    filesMetadata: JSON.stringify({ Files: Object.fromEntries(listed) }),
    sentinel: {
      PgVersion: 170_000,
      ...(made.hasSystem ? { SystemIdentifier: MADE_SYSTEM } : {}),
      ...made.sentinel,
    },
  });
}

function firstFiles(random: Random, options: ChainOptions): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>([
    ["/PG_VERSION", new TextEncoder().encode("17\n")],
    ["/postgresql.auto.conf", new TextEncoder().encode("work_mem = '1MB'\n")],
    ["/base/1/112", pageLike(PAGE, 1)],
  ]);
  for (let index = 0; index < 12; index++) {
    const name = `/base/${random.pick([1, 4])}/${16_384 + index}`;
    files.set(name, pageLike(random.below(60) * PAGE, random.below(1000)));
    files.set(`${name}_fsm`, pageLike(3 * PAGE, index));
    files.set(`/global/data${index}`, pageLike(random.below(100_000), index));
  }
  if (options.bigMiB !== undefined) files.set("/base/1/77777", pageLike(options.bigMiB << 20, 7));
  return files;
}

/** What one round of work makes of the files, and how a backup after it stores each. */
function changedFiles(random: Random, old: ReadonlyMap<string, Uint8Array>, depth: number) {
  const files = new Map<string, Uint8Array>();
  const states = new Map<string, State>();
  const entries: MadeEntry[] = [];
  const put = (name: string, content: Uint8Array, entry: MadeEntry | undefined) => {
    files.set(name, content);
    states.set(name, entry === undefined ? "skipped" : entry.isIncrement ? "increment" : "whole");
    if (entry !== undefined) entries.push(entry);
  };
  for (const [name, content] of old) {
    const chance = random.below(10);
    const isRelation = /^\/base\/\d+\/\d{5}$/.test(name);
    if (isRelation && chance === 0) continue;
    if (chance < 4) put(name, content, undefined);
    else if (isRelation) {
      const changed = changedPages(random, content);
      put(name, changed.content, { name, content: changed.increment, isIncrement: true });
    } else {
      const other = name === "/PG_VERSION" ? content : pageLike(random.below(50_000), depth);
      put(name, other, { name, content: other });
    }
  }
  const name = `/base/1/${20_000 + depth}`;
  const content = pageLike(random.below(20) * PAGE, depth);
  put(name, content, { name, content });
  return { files, states, entries };
}

function changedPages(random: Random, old: Uint8Array) {
  const pageCount = random.below(Math.ceil(old.byteLength / PAGE) + 10);
  const content = new Uint8Array(pageCount * PAGE);
  content.set(old.subarray(0, content.byteLength));
  const blocks: number[] = [];
  for (let block = 0; block < pageCount; block++) {
    const isNew = block * PAGE >= old.byteLength;
    if (!isNew && random.below(5) > 0) continue;
    blocks.push(block);
    // Pages of zeros are as good as any.
    content.fill(random.pick([0, 1 + random.below(255)]), block * PAGE, (block + 1) * PAGE);
  }
  const increment = new Uint8Array(16 + blocks.length * (4 + PAGE));
  const view = new DataView(increment.buffer);
  increment.set([0x77, 0x69, 0x31, 0x55]);
  view.setBigUint64(4, BigInt(content.byteLength), true);
  view.setUint32(12, blocks.length, true);
  for (const [index, block] of blocks.entries()) {
    view.setUint32(16 + index * 4, block, true);
    const page = content.subarray(block * PAGE, (block + 1) * PAGE);
    increment.set(page, 16 + blocks.length * 4 + index * PAGE);
  }
  return { content, increment };
}

function nameOfSegment(segment: number): string {
  return `0000000100000000${segment.toString(16).toUpperCase().padStart(8, "0")}`;
}
