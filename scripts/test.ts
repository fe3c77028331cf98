import { failureOf, passes, ROOT, STATIC_CHECKS, type Step, VITEST } from "./step.ts";

/** What every run needs; quick when it is there already. */
const PREPARATIONS: readonly Step[] = [
  {
    name: "dependencies",
    run: () => failureOf([process.execPath, "install", "--frozen-lockfile"]),
  },
  { name: "Debian's packages", run: installPackages },
  { name: "build", run: buildBinary },
  { name: "servers and binary in reach of their account", run: copyServers },
  { name: "MinIO", run: buildMinio },
  { name: "fake-gcs-server", run: buildGcsServer },
  { name: "Azurite", run: getAzurite },
];

/**
 * Everything that `bun run test` promises, on a machine with nothing but Node and npm. Arguments
 * go to vitest: with them only these tests run, without lint and types. The last line is always
 * `N passed, N failed`.
 */
async function main(testArguments: readonly string[]): Promise<number> {
  const isPartial = testArguments.length > 0;
  const failed: string[] = [];
  for (const step of [...PREPARATIONS, ...(isPartial ? [] : STATIC_CHECKS)]) {
    if (await passes(step)) continue;
    failed.push(step.name);
    // Without its preparation no later step would say anything true.
    if (PREPARATIONS.includes(step)) break;
  }
  if (failed.length > 0) {
    console.log(`not tested, as this failed: ${failed.join(", ")}`);
    console.log(`0 passed, ${failed.length} failed`);
    return 1;
  }
  const tests = Bun.spawn([...VITEST, ...testArguments], {
    cwd: ROOT,
    env: process.env,
    stdio: ["inherit", "inherit", "inherit"],
  });
  return await tests.exited;
}

/**
 * Tests that need a package which cannot be had fail by themselves and say how to get it; all
 * others still count, so this is no failure of its own.
 */
async function installPackages(): Promise<string | undefined> {
  const { installAptPackages } = await import("../test/support/apt-packages.ts");
  const warning = installAptPackages((line) => console.log(`     ${line}`));
  if (warning !== undefined) console.log(`     tests of these will fail: ${warning}`);
  return undefined;
}

async function buildBinary(): Promise<string | undefined> {
  const { builtBinary } = await import("../test/support/run-binary.ts");
  builtBinary();
  return undefined;
}

async function copyServers(): Promise<string | undefined> {
  const { POSTGRES_VERSIONS, postgresBinDir } = await import("../test/support/postgres-install.ts");
  const { binaryPath, removeStaleScratch } = await import("../test/support/scratch.ts");
  removeStaleScratch();
  binaryPath();
  for (const version of POSTGRES_VERSIONS) postgresBinDir(version);
  return undefined;
}

/** As with packages: its tests fail by themselves and say how to get it. */
async function buildMinio(): Promise<string | undefined> {
  const { installMinio } = await import("../test/support/minio-install.ts");
  return warned("S3", installMinio());
}

async function buildGcsServer(): Promise<string | undefined> {
  const { installGcsServer } = await import("../test/support/gcs-install.ts");
  return warned("Google Cloud Storage", installGcsServer());
}

async function getAzurite(): Promise<string | undefined> {
  const { installAzurite } = await import("../test/support/azurite-install.ts");
  return warned("Azure Blob Storage", installAzurite());
}

async function warned(service: string, building: Promise<string>): Promise<undefined> {
  const failure = await building.then(
    () => undefined,
    (error: unknown) => String(error),
  );
  if (failure !== undefined) console.log(`     tests of ${service} will fail: ${failure}`);
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
