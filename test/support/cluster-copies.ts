import {
  appendFileSync,
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { basename, join } from "node:path";
import { SUPERUSER } from "./postgres-cluster.ts";
import { type PostgresVersion, postgresBinDir } from "./postgres-install.ts";
import { mustRunAsServer } from "./run-as.ts";
import { giveToServers, giveTreeToServers, placeDirectory, scratchRoot } from "./scratch.ts";

export interface TemplateFacts {
  readonly version: PostgresVersion;
  readonly checksums: boolean;
  readonly walSegmentMiB: number;
}

/**
 * A new cluster without the two seconds of initdb: a copy of one that is made once per kind. All
 * copies have the same system identifier.
 */
export async function copyTemplate(
  facts: TemplateFacts,
  dataDir: string,
  configuration: string,
): Promise<void> {
  const binDir = postgresBinDir(facts.version);
  const build = basename(join(binDir, ".."));
  const sums = facts.checksums ? "sum" : "plain";
  const kind = `${facts.version}-${build}-${sums}-${facts.walSegmentMiB}`;
  const template = join(scratchRoot(), "clusters", kind);
  if (lstatSync(template, { throwIfNoEntry: false }) === undefined) {
    const made = `${dataDir}-template`;
    await makeCluster(binDir, facts, made);
    placeDirectory(template, (temporary) => {
      cpSync(made, temporary, { recursive: true, verbatimSymlinks: true });
    });
    rmSync(made, { recursive: true });
  }
  mkdirSync(dataDir, { mode: 0o700 });
  copyTree(template, dataDir);
  appendFileSync(join(dataDir, "postgresql.conf"), `\n${configuration}\n`);
  giveTreeToServers(dataDir);
}

async function makeCluster(binDir: string, facts: TemplateFacts, dataDir: string): Promise<void> {
  const { version, checksums } = facts;
  const without = Number(version) >= 18 ? ["--no-data-checksums"] : [];
  await mustRunAsServer([
    join(binDir, "initdb"),
    `--pgdata=${dataDir}`,
    `--username=${SUPERUSER}`,
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
    `--wal-segsize=${facts.walSegmentMiB}`,
    ...(checksums ? ["--data-checksums"] : without),
  ]);
}

/** Copies the directory of a stopped cluster, and its tablespaces to places beside the copy. */
export function copyCluster(from: string, to: string): void {
  mkdirSync(to, { mode: 0o700 });
  copyTree(from, to);
  const links = join(to, "pg_tblspc");
  for (const oid of readdirSync(links)) {
    const location = `${to}-ts-${oid}`;
    mkdirSync(location);
    copyTree(readlinkSync(join(links, oid)), location);
    rmSync(join(links, oid));
    symlinkSync(location, join(links, oid));
    giveTreeToServers(location);
  }
  giveTreeToServers(to);
}

/** Where the tablespaces of a cluster are, by OID. */
export function tablespacesOf(dataDir: string): ReadonlyMap<string, string> {
  const links = join(dataDir, "pg_tblspc");
  return new Map(readdirSync(links).map((oid) => [oid, readlinkSync(join(links, oid))]));
}

/** An empty folder for a tablespace. */
export function makeLocation(path: string): string {
  mkdirSync(path);
  giveToServers(path);
  return path;
}

function copyTree(from: string, to: string): void {
  const { exitCode, stderr } = Bun.spawnSync(["cp", "-a", "--reflink=auto", `${from}/.`, to]);
  if (exitCode !== 0) throw new Error(`cp ${from}: ${stderr.toString()}`);
  chmodSync(to, 0o700);
}
