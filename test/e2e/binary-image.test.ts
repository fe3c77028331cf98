// Proves that the image's build stage works, by doing what the Dockerfile says in an empty folder:
// its copies and its runs, with Bun in the place of npx. No container engine is needed; what only
// an engine can do (the last stage) is read and compared.
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { runAsServer, runToEnd } from "../support/run-as.ts";
import { makeScratch, type ScratchDir } from "../support/scratch.ts";

const ROOT = join(import.meta.dirname, "../..");
const RUNTIME = `bun@${packageJson.devDependencies["@types/bun"]}`;
let scratch: ScratchDir;

beforeAll(() => {
  scratch = makeScratch("image");
});

afterAll(() => scratch[Symbol.dispose]());

interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** The stages of the Dockerfile: comments gone, continued lines joined. */
function stages(): readonly (readonly Instruction[])[] {
  const text = readFileSync(join(ROOT, "Dockerfile"), "utf8")
    .replace(/^#.*\n/gm, "")
    .replaceAll(/\\\n\s*/g, "");
  const instructions = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [, name = "", rest = ""] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
      return { name, rest };
    });
  const starts = instructions.flatMap(({ name }, index) => (name === "FROM" ? [index] : []));
  return starts.map((start, index) => instructions.slice(start, starts[index + 1]));
}

/** What .dockerignore lets through: it forbids all and then names what is wanted. */
function isSent(path: string): boolean {
  const lines = readFileSync(join(ROOT, ".dockerignore"), "utf8").trim().split("\n");
  const wanted = lines.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  return lines[0] === "*" && wanted.some((entry) => path === entry || path.startsWith(`${entry}/`));
}

async function perform({ name, rest }: Instruction, folder: string): Promise<void> {
  if (name === "COPY") {
    const paths = rest.split(" ");
    const target = join(folder, paths.pop() ?? "");
    for (const path of paths) {
      expect(isSent(path), `${path} is in the build context`).toBe(true);
      const isFolder = statSync(join(ROOT, path)).isDirectory();
      cpSync(join(ROOT, path), isFolder ? target : join(target, path), { recursive: true });
    }
  }
  if (name === "RUN") {
    const withoutRuntime = rest.replace(`npx --yes ${RUNTIME}`, "");
    expect(withoutRuntime, "the runtime is pinned").not.toContain("npx");
    const command = rest
      .replace(`npx --yes ${RUNTIME}`, process.execPath)
      .replaceAll("/build/", `${folder}/`);
    const { exitCode, stderr } = await runToEnd(["sh", "-c", command], {
      cwd: folder,
      env: { HOME: process.env["HOME"] ?? "/", BUN_INSTALL_CACHE_DIR: join(folder, ".cache") },
    });
    expect(exitCode, stderr).toBe(0);
  }
}

test("the build stage makes an executable that needs nothing of what made it", async () => {
  const folder = join(scratch.path, "build");
  mkdirSync(folder);
  const [build = []] = stages();
  for (const instruction of build) await perform(instruction, folder);
  const [, final = []] = stages();
  const copy = final.find(({ rest }) => rest.startsWith("--from=build"))?.rest.split(" ")[1] ?? "";
  const made = copy.replace("/build/", `${folder}/`);
  expect(existsSync(made), `${copy} is what the last stage copies`).toBe(true);
  const alone = join(scratch.path, "tidemark");
  renameSync(made, alone);
  renameSync(folder, `${folder}.away`);
  const { exitCode, stdout, stderr } = await runAsServer([alone, "--version"]);
  expect(exitCode, stderr).toBe(0);
  expect(stdout).toContain(packageJson.version);
});

test("the last stage holds the executable and certificates, and does not run as root", () => {
  const final = stages().at(-1) ?? [];
  const copied = final.filter(({ name }) => name === "COPY");
  expect(copied).toHaveLength(1);
  const user = final.find(({ name }) => name === "USER")?.rest ?? "0";
  expect(Number(user.split(":")[0])).toBeGreaterThan(0);
  const runs = final.filter(({ name }) => name === "RUN").map(({ rest }) => rest);
  expect(runs.join()).toContain("ca-certificates");
  expect(runs.join()).toContain("ln -s tidemark /usr/local/bin/wal-g");
  const entry = final.find(({ name }) => name === "ENTRYPOINT")?.rest ?? "[]";
  expect(JSON.parse(entry)).toEqual(["/usr/local/bin/tidemark"]);
});
