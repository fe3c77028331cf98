import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { serverAccount } from "./run-as.ts";
import { placeDirectory, scratchRoot } from "./scratch.ts";

export type PostgresVersion = "13" | "14" | "15" | "16" | "17" | "18";

export const POSTGRES_VERSIONS: readonly PostgresVersion[] = ["13", "14", "15", "16", "17", "18"];

const PROJECT_DIR = dirname(dirname(import.meta.dirname));
const DEBIAN_VERSION = "15";
const DEBIAN_BIN_DIR = `/usr/lib/postgresql/${DEBIAN_VERSION}/bin`;

/** Tools that npm's packages lack; Debian's `postgresql-15` has them. */
export type PostgresTool =
  | "psql"
  | "pgbench"
  | "pg_amcheck"
  | "pg_basebackup"
  | "pg_checksums"
  | "pg_controldata"
  | "pg_dump"
  | "pg_receivewal"
  | "pg_rewind"
  | "pg_verifybackup"
  | "pg_waldump";

/**
 * The folder with `initdb`, `pg_ctl` and `postgres` of a major version, where the servers' account
 * can execute them. 15 is Debian's where it is installed; all others, and 15 else, are npm's.
 */
export function postgresBinDir(version: PostgresVersion): string {
  if (version === DEBIAN_VERSION && existsSync(join(DEBIAN_BIN_DIR, "postgres"))) {
    return DEBIAN_BIN_DIR;
  }
  const packageDir = join(PROJECT_DIR, "node_modules", `postgres-${version}`);
  const nativeDir = join(packageDir, "native");
  if (!existsSync(join(nativeDir, "bin", "postgres"))) {
    throw new Error(
      `PostgreSQL ${version}: ${nativeDir} is missing; ` +
        "get it with `bun install --frozen-lockfile`",
    );
  }
  if (serverAccount() === undefined) return join(nativeDir, "bin");
  const manifest: unknown = JSON.parse(readFileSync(join(packageDir, "package.json"), "utf8"));
  const copy = join(scratchRoot(), "postgres", packageVersion(manifest, packageDir));
  if (!existsSync(copy)) placeDirectory(copy, (temporary) => copyInstall(nativeDir, temporary));
  return join(copy, "bin");
}

/** The path of a tool of Debian's PostgreSQL 15. */
export function postgresTool(tool: PostgresTool): string {
  const path = join(DEBIAN_BIN_DIR, tool);
  if (!existsSync(path)) {
    throw new Error(
      `${path} is missing; get it with \`apt-get install postgresql-15 postgresql-client-15\``,
    );
  }
  return path;
}

function packageVersion(manifest: unknown, packageDir: string): string {
  if (typeof manifest === "object" && manifest !== null && "version" in manifest) {
    if (typeof manifest.version === "string") return manifest.version;
  }
  throw new Error(`${packageDir}/package.json: no version`);
}

function copyInstall(nativeDir: string, target: string): void {
  run(["cp", "-a", "--reflink=auto", "--no-preserve=ownership", `${nativeDir}/.`, target]);
  run(["chmod", "-R", "a+rX", target]);
}

function run(command: string[]): void {
  const result = Bun.spawnSync(command, { stdout: "pipe", stderr: "pipe" });
  if (result.exitCode !== 0) {
    throw new Error(`${command.join(" ")}: ${result.stderr.toString()}`);
  }
}
