// Proves that the commands in README and docs work, by running each page's blocks marked `sh test`
// in their order, as one shell, against a real server of its own.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { Reader } from "../support/reader.ts";

const ROOT = join(import.meta.dirname, "../..");
const ELSEWHERE = /```sh elsewhere\n([\s\S]*?)```/g;

interface Block {
  /** From the page: `README.md:41`. */
  readonly place: string;
  readonly text: string;
}

/** A page with its kind: what its reader has before the first command. */
interface Page {
  readonly path: string;
  readonly setUp: "fresh" | "archiving" | "walg";
  readonly blocks: readonly Block[];
}

/** What the info string says after `sh test`; a page keeps to one. */
function readPage(path: string): Page {
  const lines = readFileSync(join(ROOT, path), "utf8").split("\n");
  const blocks: Block[] = [];
  const setUps = new Set<string>();
  for (let index = 0; index < lines.length; index++) {
    const [, indent = "", setUp] = /^(\s*)```sh test(?: (\w+))?$/.exec(lines[index] ?? "") ?? [];
    if (!/^\s*```sh test/.test(lines[index] ?? "")) continue;
    const end = lines.indexOf(`${indent}\`\`\``, index);
    const text = lines.slice(index + 1, end).map((line) => line.slice(indent.length));
    blocks.push({ place: `${path}:${index + 1}`, text: text.join("\n") });
    setUps.add(setUp ?? "fresh");
  }
  const [setUp = "fresh", ...others] = setUps;
  if (others.length > 0) throw new Error(`${path}: its blocks want different set-ups`);
  if (setUp !== "fresh" && setUp !== "archiving" && setUp !== "walg") {
    throw new Error(`${path}: unknown set-up ${setUp}`);
  }
  return { path, setUp, blocks };
}

const PAGES = ["README.md", ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`)]
  .filter((path) => path.endsWith(".md"))
  .map(readPage)
  .filter(({ blocks }) => blocks.length > 0);

const START = 'pg_ctl start --silent --wait --log "$HOME/server.log"';

/** What the reader of a page has already done. */
const SET_UPS: Readonly<Record<Page["setUp"], string>> = {
  fresh: START,
  archiving: `
    mkdir "$HOME/backups"
    echo "{ \\"TIDEMARK_FILE_PREFIX\\": \\"$HOME/backups\\" }" > "$HOME/tidemark.json"
    echo "archive_mode = on" >> "$PGDATA/postgresql.conf"
    echo "archive_command = 'tidemark --config $HOME/tidemark.json wal-push \\"%p\\"'" \\
      >> "$PGDATA/postgresql.conf"
    ${START}
    tidemark --config "$HOME/tidemark.json" backup-push "$PGDATA"`,
  walg: `
    mkdir "$HOME/backups"
    export WALG_FILE_PREFIX="$HOME/backups"
    echo "archive_mode = on" >> "$PGDATA/postgresql.conf"
    echo "archive_command = 'tidemark wal-push \\"%p\\"'" >> "$PGDATA/postgresql.conf"
    ${START}`,
};

let reader: Reader | undefined;

afterEach(async () => {
  await reader?.[Symbol.asyncDispose]();
  reader = undefined;
});

describe("the commands of", () => {
  test.each(PAGES)("$path", async ({ setUp, blocks }) => {
    reader = await Reader.create();
    const steps = blocks.map(({ place, text }) => `echo "--- ${place}"\n${text}`);
    const { exitCode, text } = await reader.run([SET_UPS[setUp], ...steps].join("\n"));
    expect(exitCode, text).toBe(0);
    for (const { place } of blocks) expect(text).toContain(`--- ${place}`);
  });
});

test("the pages that promise commands have some", () => {
  const paths = PAGES.map(({ path }) => path);
  const promised = ["README.md", "docs/migrate-from-wal-g.md", "docs/troubleshoot.md"];
  expect(paths).toEqual(expect.arrayContaining(promised));
});

test("what is marked to be run elsewhere is run by other tests or by hand", () => {
  const known = /^(?:sudo|npx --yes bun@\S+ (?:run (?:quickstart|test|check|build)|install))\b/;
  const pages = readdirSync(ROOT).filter((name) => name.endsWith(".md"));
  const commands = pages
    .flatMap((name) => [...readFileSync(join(ROOT, name), "utf8").matchAll(ELSEWHERE)])
    .flatMap(([, text = ""]) => text.trim().split("\n"));
  expect(commands.length).toBeGreaterThan(3);
  expect(commands.filter((line) => !known.test(line))).toEqual([]);
});
