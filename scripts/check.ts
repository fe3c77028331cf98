import { readdirSync } from "node:fs";
import { join } from "node:path";
import { failureOf, passes, ROOT, STATIC_CHECKS, type Step, VITEST } from "./step.ts";

/** Suites of services are named after them; these need nothing but the process. */
const NEEDS_SERVER = /(?:^|\.)(?:s3|postgres|gcs|azure|sftp|swift|mysql|redis)[.-]/;
/** Codecs in plain JavaScript: their suites take longer than all else together. */
const TAKES_LONG = /^codec\.(?:lzma|lzo)\./;

/**
 * What must hold before a commit, in under a minute and with no server: format, lint, types, the
 * tree's own rules, unit tests, conformance of what runs in the process, fuzz.
 */
const STEPS: readonly Step[] = [
  ...STATIC_CHECKS,
  { name: "unit tests", run: () => failureOf([...VITEST, "--project=unit"]) },
  { name: "conformance without servers", run: () => failureOf([...VITEST, ...quickSuites()]) },
  { name: "fuzz", run: () => failureOf([...VITEST, "--project=fuzz"]) },
];

function quickSuites(): readonly string[] {
  return readdirSync(join(ROOT, "test/conformance"))
    .filter((name) => name.endsWith(".test.ts"))
    .filter((name) => !NEEDS_SERVER.test(name) && !TAKES_LONG.test(name))
    .map((name) => `test/conformance/${name}`);
}

/** All failures are wanted at once, so no step stops the next. */
if (import.meta.main) {
  const outcomes: boolean[] = [];
  for (const step of STEPS) outcomes.push(await passes(step));
  process.exitCode = outcomes.every(Boolean) ? 0 : 1;
}
