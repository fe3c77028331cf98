import { chmodSync, cpSync, readdirSync, readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { giveTreeToServers } from "./scratch.ts";

const FIXTURES_DIR = join(import.meta.dirname, "..", "fixtures");

export interface FixtureBackup {
  readonly name: string;
  readonly flags: string;
}

/** A repository that WAL-G wrote, copied to where a test may change it. */
export interface Fixture {
  readonly name: string;
  /** The storage root: what `WALG_FILE_PREFIX` names. */
  readonly repository: string;
  /** The settings used to write, `./` resolved: those for reading are among them. */
  readonly settings: Readonly<Record<string, string>>;
  /** In the order of writing. */
  readonly backups: readonly FixtureBackup[];
  /** The fixture's own folder, for files beside the repository. */
  readonly source: string;
}

/** Every fixture's name. */
export function fixtureNames(): readonly string[] {
  return readdirSync(FIXTURES_DIR, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** The fixture's facts without a copy of its repository. */
export function readFixture(name: string): Omit<Fixture, "repository"> {
  const source = join(FIXTURES_DIR, name);
  const facts = JSON.parse(readFileSync(join(source, "fixture.json"), "utf8")) as {
    readonly settings: Record<string, string>;
    readonly backups: readonly FixtureBackup[];
  };
  const settings = Object.entries(facts.settings).map(([key, value]) => [
    key,
    value.startsWith("./") ? join(source, value) : value,
  ]);
  return { name, source, settings: Object.fromEntries(settings), backups: facts.backups };
}

/** Copies the repository below `folder` and gives its sentinels the times of their order. */
export function copyFixture(name: string, folder: string): Fixture {
  const fixture = readFixture(name);
  const repository = join(folder, "repo");
  cpSync(join(fixture.source, "repo"), repository, { recursive: true });
  for (const [index, backup] of fixture.backups.entries()) {
    const sentinel = `basebackups_005/${backup.name}_backup_stop_sentinel.json`;
    const seconds = Date.UTC(2026, 0, 1) / 1000 + index * 60;
    utimesSync(join(repository, sentinel), seconds, seconds);
  }
  chmodSync(folder, 0o755);
  giveTreeToServers(repository);
  return { ...fixture, repository };
}

/** The lines of `expected/<backup>.files`. */
export function expectedFiles(fixture: Pick<Fixture, "source">, backup: string): readonly string[] {
  return linesOf(readFileSync(join(fixture.source, "expected", `${backup}.files`), "utf8"));
}

/** A block of `expected/rows.txt`. */
export interface ExpectedRows {
  /** `name before_accident`, `end of archive`, … without the backup in parentheses. */
  readonly target: string;
  /** The backup in parentheses, where one is named. */
  readonly backup: string | undefined;
  /** `database table count|md5` */
  readonly rows: readonly string[];
}

export function expectedRows(fixture: Pick<Fixture, "source">): readonly ExpectedRows[] {
  const blocks: { target: string; backup: string | undefined; rows: string[] }[] = [];
  for (const line of linesOf(readFileSync(join(fixture.source, "expected/rows.txt"), "utf8"))) {
    const title = /^# (.*?)(?: \((?:from )?(.*)\))?$/.exec(line);
    if (title === null) blocks.at(-1)?.rows.push(line);
    else {
      const backup = title[2]?.startsWith("base_") ? title[2] : undefined;
      blocks.push({ target: title[1] ?? "", backup, rows: [] });
    }
  }
  return blocks;
}

function linesOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => line !== "");
}
