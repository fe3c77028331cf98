/**
 * `bun run soak [--moments N] [--fuzz-runs N] [--fuzz-rounds N] [--fault-runs N] [--seed N]`: kills
 * the commands at many more moments than the tests do, fuzzes the decoders with many more seeds,
 * spoils the requests of each storage in many more ways, and backs up a million files. Every seed
 * is printed, so that a failure can be run again.
 *
 * `bun run soak --oracle [--seeds N] [--from SEED] [--jobs N]`: the oracle of delta backups instead
 * (test/support/delta-oracle.ts); results are recorded in docs/soak.md.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { soakOracle } from "./oracle-soak.ts";
import { failureOf, passes, ROOT, type Step, VITEST } from "./step.ts";

const { values } = parseArgs({
  options: {
    moments: { type: "string", default: "50" },
    "fuzz-runs": { type: "string", default: "10" },
    "fuzz-rounds": { type: "string", default: "1000" },
    "fault-runs": { type: "string", default: "200" },
    seed: { type: "string" },
    oracle: { type: "boolean", default: false },
    seeds: { type: "string", default: "500" },
    from: { type: "string", default: "1" },
    jobs: { type: "string", default: "1" },
  },
});
const SEED_LIMIT = 2 ** 31;
/** Fifty moments of a backup and its restore take some minutes. */
const TEST_TIMEOUT_MS = 3_600_000;

/** A run of vitest in an environment of its own; what it prints counts when it fails. */
function run(name: string, environment: Readonly<Record<string, string>>, paths: string[]): Step {
  const settings = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
  const timeouts = [`--testTimeout=${TEST_TIMEOUT_MS}`, `--hookTimeout=${TEST_TIMEOUT_MS}`];
  return {
    name: `${name}: ${settings.join(" ")}`,
    run: () => failureOf(["env", ...settings, ...VITEST, ...timeouts, ...paths]),
  };
}

function steps(firstSeed: number): readonly Step[] {
  const crashes = readdirSync(join(ROOT, "test/e2e"))
    .filter((name) => /^crash-.*\.test\.ts$/.test(name))
    .map((name) =>
      run(name, { CRASH_MOMENTS: String(Number(values.moments)), CRASH_SEED: String(firstSeed) }, [
        `test/e2e/${name}`,
      ]),
    );
  const fuzz = Array.from({ length: Number(values["fuzz-runs"]) }, (_, index) => {
    const seed = (firstSeed + index) % SEED_LIMIT;
    const rounds = String(Number(values["fuzz-rounds"]));
    return run("fuzz", { FUZZ_SEED: String(seed), FUZZ_ROUNDS: rounds }, ["--project=fuzz"]);
  });
  const faults = readdirSync(join(ROOT, "test/fuzz"))
    .filter((name) => /^storage-.*-faults\.test\.ts$/.test(name))
    .map((name) =>
      run(
        name,
        { FUZZ_SEED: String(firstSeed), FAULT_RUNS: String(Number(values["fault-runs"])) },
        [`test/fuzz/${name}`],
      ),
    );
  const files = run("files", { MANY_FILES: "1000000" }, ["test/e2e/many-files.test.ts"]);
  return [...crashes, ...fuzz, ...faults, files];
}

async function soakAll(): Promise<number> {
  const firstSeed = Number(values.seed ?? Math.floor(Math.random() * SEED_LIMIT));
  console.log(`seed ${firstSeed}; the same again: bun run soak --seed ${firstSeed}`);
  const outcomes: boolean[] = [];
  for (const step of steps(firstSeed)) outcomes.push(await passes(step));
  const failed = outcomes.filter((isFine) => !isFine).length;
  console.log(`${outcomes.length - failed} passed, ${failed} failed`);
  return failed;
}

if (import.meta.main) {
  const { builtBinary } = await import("../test/support/run-binary.ts");
  builtBinary();
  const failed = values.oracle
    ? await soakOracle({
        seeds: Number(values.seeds),
        firstSeed: Number(values.from),
        jobs: Number(values.jobs),
      })
    : await soakAll();
  process.exitCode = failed === 0 ? 0 : 1;
}
