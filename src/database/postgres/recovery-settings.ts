import { existsSync, ftruncateSync, readFileSync, writeSync } from "node:fs";
import { assert } from "../../base/assert.ts";
import type { FileSyncer } from "./restore-sync.ts";
import type { RestoreTree } from "./restore-tree.ts";

const AUTO_CONF_PATH = "postgresql.auto.conf";
const MODE = 0o600;

/**
 * What the server needs to recover to the target: a block of settings at the end of
 * `postgresql.auto.conf`, which is read last, and `recovery.signal`. Every recovery setting is in
 * the block, so that none of the source's (in this file or another) stays in force; a
 * `standby.signal` of the source would make a standby of the copy and goes.
 */
export function writeRecoverySettings(
  tree: RestoreTree,
  syncer: FileSyncer,
  settings: ReadonlyMap<string, string>,
): void {
  const path = tree.pathOf(AUTO_CONF_PATH);
  const existing = existsSync(path) ? readFileSync(path, "utf8") : "";
  const text = withRecoverySettings(existing, settings);
  writeWhole(tree, syncer, { path: AUTO_CONF_PATH, text });
  writeWhole(tree, syncer, { path: "recovery.signal", text: "" });
  tree.remove("standby.signal");
}

/** The file's text with the source's recovery settings taken out and ours at the end. */
export function withRecoverySettings(
  existing: string,
  settings: ReadonlyMap<string, string>,
): string {
  const kept = existing
    .split("\n")
    .filter((line) => !settings.has(/^\s*([A-Za-z_]+)/.exec(line)?.[1]?.toLowerCase() ?? ""));
  const head = kept.join("\n").replace(/\n*$/, "\n").replace(/^\n$/, "");
  const block = [...settings].map(([name, value]) => `${name} = ${quoteSetting(value)}\n`);
  return `${head}# recovery settings written by backup-fetch\n${block.join("")}`;
}

/** In single quotes; the server reads `''` and backslash escapes (guc-file.l). */
export function quoteSetting(value: string): string {
  assert(!/[\0\n\r]/.test(value), "a setting is one line");
  return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

function writeWhole(
  tree: RestoreTree,
  syncer: FileSyncer,
  file: { readonly path: string; readonly text: string },
): void {
  const descriptor = tree.create(file.path, MODE);
  const bytes = new TextEncoder().encode(file.text);
  // A target that held something keeps what lies behind.
  ftruncateSync(descriptor, bytes.byteLength);
  for (let done = 0; done < bytes.byteLength; ) done += writeSync(descriptor, bytes, done);
  syncer.add(descriptor, tree.pathOf(file.path));
}
