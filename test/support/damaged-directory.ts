import {
  appendFileSync,
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Random } from "./random.ts";

const PAGE = 8192;
const CONTROL = "global/pg_control";

/**
 * Changes a data directory at random, as years of work and accidents do: pages, sizes, files that
 * are missing or too many, modes, links and folders where files were and the other way round.
 * `pg_control` stays, since without it nobody knows whose directory it is. Returns what was done.
 */
export function damageDirectory(root: string, random: Random, count: number): readonly string[] {
  const done: string[] = [];
  for (let index = 0; index < count; index++) {
    const { files, folders } = entriesOf(root);
    const file = random.pick(files.filter((path) => path !== CONTROL && path !== "PG_VERSION"));
    const folder = random.pick(folders);
    const { name, damage } = random.pick(DAMAGES);
    damage({ root, file: join(root, file), folder: join(root, folder), random, index });
    done.push(`${name}: ${file}, ${folder}`);
  }
  return done;
}

interface Place {
  readonly root: string;
  readonly file: string;
  readonly folder: string;
  readonly random: Random;
  readonly index: number;
}

const DAMAGES: readonly { readonly name: string; readonly damage: (place: Place) => void }[] = [
  { name: "changed page", damage: ({ file, random }) => overwrite(file, random, 1) },
  { name: "changed pages", damage: ({ file, random }) => overwrite(file, random, 5) },
  { name: "zeros", damage: ({ file, random }) => overwrite(file, random, 1, 0) },
  { name: "grown", damage: ({ file, random }) => appendFileSync(file, randomFill(random, 20_000)) },
  {
    name: "truncated",
    damage: ({ file, random }) => truncateSync(file, random.below(lstatSync(file).size + 1)),
  },
  { name: "missing file", damage: ({ file }) => rmSync(file) },
  {
    name: "extra file",
    damage: ({ folder, index }) => writeFileSync(join(folder, `99${index}`), "extra"),
  },
  {
    name: "extra folder",
    damage: ({ folder, index }) => {
      mkdirSync(join(folder, `new${index}`));
      writeFileSync(join(folder, `new${index}`, "inner"), "extra");
    },
  },
  { name: "mode of a file", damage: ({ file, random }) => chmodSync(file, random.below(0o1000)) },
  {
    name: "mode of a folder",
    damage: ({ folder, random }) => chmodSync(folder, 0o500 | random.below(0o1000)),
  },
  {
    name: "a link instead of a file",
    damage: ({ file }) => {
      rmSync(file);
      symlinkSync("/etc/passwd", file);
    },
  },
  {
    name: "a folder instead of a file",
    damage: ({ file }) => {
      rmSync(file);
      mkdirSync(file);
    },
  },
  { name: "a second name", damage: ({ file, index }) => linkSync(file, `${file}.${index}.second`) },
  {
    name: "an extra link",
    damage: ({ folder, index }) => symlinkSync("/etc", join(folder, `link${index}`)),
  },
];

/** Relative paths of what can be damaged; the topmost folder is not. */
function entriesOf(root: string): { readonly files: string[]; readonly folders: string[] } {
  const files: string[] = [];
  const folders: string[] = [];
  const visit = (folder: string) => {
    for (const name of readdirSync(join(root, folder))) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const stats = lstatSync(join(root, path));
      if (stats.isFile()) files.push(path);
      if (!stats.isDirectory()) continue;
      folders.push(path);
      visit(path);
    }
  };
  visit("");
  return { files, folders };
}

function overwrite(file: string, random: Random, times: number, fill?: number): void {
  const { size, mode } = lstatSync(file);
  chmodSync(file, 0o600);
  const descriptor = openSync(file, "r+");
  for (let time = 0; time < times; time++) {
    const page = random.below(Math.max(1, Math.ceil(size / PAGE)));
    const length = Math.max(0, Math.min(PAGE, size - page * PAGE));
    const bytes =
      fill === undefined ? randomFill(random, length) : new Uint8Array(length).fill(fill);
    writeSync(descriptor, bytes, 0, length, page * PAGE);
  }
  closeSync(descriptor);
  chmodSync(file, mode & 0o7777);
}

function randomFill(random: Random, length: number): Uint8Array {
  return new Uint8Array(length).fill(1 + random.below(255));
}
