import { readdirSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };

const ROOT = join(import.meta.dirname, "..");
const BUN = process.execPath;
const BIN = join(ROOT, "node_modules/.bin");

interface Step {
  readonly name: string;
  readonly command: readonly string[];
}

/**
 * What must hold before a commit, in under a minute and with no server: format, lint, types, the
 * tree's own rules, unit tests, conformance of what runs in the process, fuzz.
 */
function steps(): readonly Step[] {
  const vitest = [BUN, "--bun", join(BIN, "vitest"), "run", "--pool=threads"];
  return [
    { name: "format and lint", command: [BUN, join(BIN, "biome"), "ci", "--error-on-warnings"] },
    { name: "types", command: [BUN, join(BIN, "tsc"), "--noEmit"] },
    { name: "unit tests", command: [...vitest, "--project=unit"] },
    { name: "conformance without servers", command: [...vitest, ...quickSuites()] },
    { name: "fuzz", command: [...vitest, "--project=fuzz"] },
  ];
}

/** Suites of services are named after them; these need nothing but the process. */
const NEEDS_SERVER = /(?:^|\.)(?:s3|postgres|gcs|azure|sftp|swift|mysql|redis)[.-]/;
/** Codecs in plain JavaScript: their suites take longer than all else together. */
const TAKES_LONG = /^codec\.(?:lzma|lzo)\./;

function quickSuites(): readonly string[] {
  return readdirSync(join(ROOT, "test/conformance"))
    .filter((name) => name.endsWith(".test.ts"))
    .filter((name) => !NEEDS_SERVER.test(name) && !TAKES_LONG.test(name))
    .map((name) => `test/conformance/${name}`);
}

/** Runs one step; its output is shown only when it fails. */
async function passes({ name, command }: Step): Promise<boolean> {
  const startedAt = performance.now();
  const child = Bun.spawn([...command], {
    cwd: ROOT,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${exitCode === 0 ? "ok  " : "FAIL"} ${name} (${seconds} s)`);
  if (exitCode !== 0) console.log(`${stdout}\n${stderr}`);
  return exitCode === 0;
}

/** All failures are wanted at once, so no step stops the next. */
if (import.meta.main) {
  console.log(`${packageJson.name} ${packageJson.version}, Bun ${Bun.version}`);
  const outcomes: boolean[] = [];
  for (const step of steps()) outcomes.push(await passes(step));
  process.exitCode = outcomes.every(Boolean) ? 0 : 1;
}
