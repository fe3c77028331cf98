// What is started, and when: a process for what waits, within the limits, with lock, plan and
// settings; nothing where nothing waits or somebody is at work. A script stands in for the program.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WAL_PUSH_SPEC } from "../../../src/command/specs/wal.ts";
import { startAhead, tellNotes } from "../../../src/command/start-ahead.ts";
import { WalQueue } from "../../../src/database/postgres/wal-queue.ts";
import { testInvocation } from "../../support/invocation.ts";
import { aheadSettled } from "../../support/wal-ahead.ts";

const NAMES = ["A", "B", "C"].map((digit) => `00000001000000000000000${digit}`);
const [A = "", B = "", C = ""] = NAMES;
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "start-ahead-"));
  mkdirSync(join(directory, "archive_status"));
  for (const name of NAMES) writeFileSync(join(directory, "archive_status", `${name}.ready`), "");
  const script = join(directory, "tool");
  writeFileSync(
    script,
    '#!/bin/sh\necho "$@" > "$OUT.new"; echo "$WALG_FILE_PREFIX" >> "$OUT.new"\n' +
      'cat "$DIR/walg_data/wal-push.plan" >> "$OUT.new"; mv "$OUT.new" "$OUT"\n' +
      'echo "ERROR: no luck" >&2; exit 7\n',
  );
  chmodSync(script, 0o755);
});
afterEach(() => rmSync(directory, { recursive: true }));

async function start(environment: Readonly<Record<string, string>> = {}) {
  const out = join(directory, "out");
  rmSync(out, { force: true });
  const invocation = testInvocation(WAL_PUSH_SPEC, {
    words: [join(directory, A)],
    environment: { WALG_FILE_PREFIX: "/repo", OUT: out, DIR: directory, ...environment },
  });
  const options = { fingerprint: "own", renamesReady: false };
  const queue = WalQueue.beside(join(directory, A), options);
  if (queue === undefined) throw new Error("no queue");
  await startAhead({ ...invocation, self: [join(directory, "tool")] }, queue, A);
  const logged = [...invocation.logged];
  await aheadSettled(directory);
  const seen = existsSync(out) ? readFileSync(out, "utf8").trimEnd().split("\n") : undefined;
  return { seen, logged, queue };
}

test("hands over what waits, oldest first, with the settings", async () => {
  const { seen, logged, queue } = await start();
  const words = `wal-push-ahead ${join(directory, B)} --quiet`;
  expect(seen).toEqual([words, "/repo", "own", B, C]);
  expect(logged).toEqual([]);
  const { log, logged: told } = testInvocation(WAL_PUSH_SPEC);
  tellNotes(queue, log);
  expect(told).toEqual(["warning storing ahead: ERROR: no luck"]);
  // The next one tells what was not told.
  await start();
  expect((await start()).logged).toEqual(["warning storing ahead: ERROR: no luck"]);
});

test.each([
  ["WALG_TOTAL_BG_UPLOADED_LIMIT", "2", [B]],
  ["WALG_TOTAL_BG_UPLOADED_LIMIT", "1", undefined],
  ["WALG_TOTAL_BG_UPLOADED_LIMIT", "0", undefined],
  ["WALG_UPLOAD_CONCURRENCY", "1", undefined],
  ["WALG_UPLOAD_CONCURRENCY", "2", [B, C]],
])("%s=%s", async (key, value, names) => {
  const { seen } = await start({ [key]: value });
  expect(seen?.slice(3)).toEqual(names);
  expect(existsSync(join(directory, "walg_data"))).toBe(names !== undefined);
});

test("nothing is started where nothing else waits", async () => {
  for (const name of [B, C]) rmSync(join(directory, "archive_status", `${name}.ready`));
  expect((await start()).seen).toBeUndefined();
  expect(existsSync(join(directory, "walg_data"))).toBe(false);
});

test("what cannot be started is a warning only", async () => {
  writeFileSync(join(directory, "walg_data"), "in the way");
  const { seen, logged } = await start();
  expect(seen).toBeUndefined();
  expect(logged.join()).toContain("warning further WAL files cannot be stored ahead");
});
