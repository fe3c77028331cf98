import {
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { removeTree } from "../../src/base/remove-tree.ts";
import { serverAccount } from "./run-as.ts";

/** Longer than any run of the tests. */
const COPY_KEPT_MS = 2 * 3600 * 1000;
const PROJECT_DIR = dirname(dirname(import.meta.dirname));

/** A folder that goes when it is disposed. */
export interface ScratchDir extends Disposable {
  readonly path: string;
}

/**
 * The folder that outlives a run: copies of servers and of the binary where the servers' account
 * can reach them. A clone may lie where only its owner can go (`/root`).
 */
export function scratchRoot(): string {
  const uid = process.getuid?.() ?? 0;
  const root = join(reachableTemporaryDir(), `tidemark-test-${uid}`);
  mkdirSync(root, { recursive: true, mode: 0o755 });
  const facts = lstatSync(root);
  // The name can be guessed by anybody on the machine, so it must be a folder of ours.
  if (!facts.isDirectory() || facts.uid !== uid) {
    throw new Error(`${root}: not a directory of uid ${uid}; remove it or set TMPDIR`);
  }
  chmodSync(root, 0o755);
  return root;
}

const openDirs = new Set<string>();

/** Removes every folder that is still open: for a process that is being interrupted. */
export function removeOpenScratch(): void {
  for (const path of openDirs) removeTree(path);
}

/** A new folder in which the servers' account may write. */
export function makeScratch(label: string): ScratchDir {
  const path = mkdtempSync(join(scratchRoot(), `${label}-${process.pid}-`));
  giveToServers(path);
  chmodSync(path, 0o755);
  openDirs.add(path);
  return {
    path,
    [Symbol.dispose]: () => {
      removeTree(path);
      openDirs.delete(path);
    },
  };
}

/** Removes folders whose process has ended without removing them: it was killed. */
export function removeStaleScratch(): void {
  const root = scratchRoot();
  for (const name of readdirSync(root)) {
    const processId = /-(\d+)-[A-Za-z0-9]{6}$/.exec(name)?.[1];
    if (processId !== undefined && !existsSync(`/proc/${processId}`)) {
      removeTree(join(root, name));
    }
  }
}

/** Makes the servers' account the owner of one file or folder. */
export function giveToServers(path: string): void {
  const account = serverAccount();
  if (account !== undefined) chownSync(path, account.uid, account.gid);
}

/** Makes the servers' account the owner of a folder and of all below it. */
export function giveTreeToServers(path: string): void {
  const account = serverAccount();
  if (account === undefined) return;
  const result = Bun.spawnSync(["chown", "-RhP", `${account.uid}:${account.gid}`, path]);
  if (result.exitCode !== 0) throw new Error(`chown ${path}: ${result.stderr.toString()}`);
}

/**
 * The compiled program under the given name (`tidemark`, `wal-g`, `wal-g-pg`, …) where the
 * servers' account can run it; copied again only when it was built again.
 */
export function binaryPath(name = "tidemark"): string {
  const built = join(PROJECT_DIR, "dist", "tidemark");
  if (!existsSync(built)) {
    throw new Error(`${built} is missing: run \`bun run build\` (\`bun run test\` does)`);
  }
  const { size, mtimeMs } = statSync(built);
  const dir = join(scratchRoot(), "bin", `${size}-${Math.round(mtimeMs)}`);
  if (!existsSync(dir)) {
    placeDirectory(dir, (temporary) => {
      copyFileSync(built, join(temporary, "tidemark"), constants.COPYFILE_FICLONE);
      chmodSync(join(temporary, "tidemark"), 0o755);
    });
    removeOldCopies(dirname(dir));
  }
  const path = join(dir, name);
  if (!existsSync(path)) linkName(path);
  return path;
}

/**
 * Fills a folder under a temporary name and renames it into place: another thread or run sees all
 * of it or nothing, and the first to arrive wins.
 */
export function placeDirectory(path: string, fill: (temporary: string) => void): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  chmodSync(dirname(path), 0o755);
  const temporary = mkdtempSync(`${path}.new-`);
  try {
    fill(temporary);
    chmodSync(temporary, 0o755);
    renameSync(temporary, path);
  } catch (error) {
    removeTree(temporary);
    if (!existsSync(path)) throw error;
  }
}

/** Keeps the two newest builds, and what a run that is still going may use. */
function removeOldCopies(dir: string): void {
  const newestFirst = readdirSync(dir)
    .map((name) => ({ name, changedAtMs: statSync(join(dir, name)).ctimeMs }))
    .sort((a, b) => b.changedAtMs - a.changedAtMs);
  for (const { name, changedAtMs } of newestFirst.slice(2)) {
    if (Date.now() - changedAtMs < COPY_KEPT_MS) continue;
    removeTree(join(dir, name));
  }
}

function linkName(path: string): void {
  try {
    symlinkSync("tidemark", path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  }
}

/** The first of TMPDIR, /tmp and /var/tmp that everybody may pass through. */
function reachableTemporaryDir(): string {
  const candidates = [tmpdir(), "/tmp", "/var/tmp"]
    .filter(existsSync)
    .map((dir) => realpathSync(dir));
  const found = candidates.find((dir) => dir.length <= 40 && isReachableByAll(dir));
  if (found === undefined) {
    throw new Error(`no folder for temporary files that all users can reach: ${candidates}`);
  }
  return found;
}

function isReachableByAll(dir: string): boolean {
  for (let path = dir; ; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) return false;
    if (path === "/") return true;
  }
}
