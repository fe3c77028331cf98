// Proves that what is known of storages survives runs, and that no damage of the file is more than
// forgetfulness, by real files.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { checked } from "../../../../src/storage/failover/aliveness.ts";
import { StatusFile } from "../../../../src/storage/failover/status-file.ts";

const folder = mkdtempSync(join(tmpdir(), "tidemark-status-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, "cache");
const NOW = Date.parse("2026-11-24T12:00:00Z");
beforeEach(() => rmSync(path, { force: true }));

test("adds what is new to what others wrote, in a file of its owner alone", () => {
  const file = new StatusFile(path);
  expect(file.read()).toEqual(new Map());
  file.update(new Map([["default#1", checked(true, NOW)]]), new Date(NOW));
  const dead = { isAlive: false, average: 0.25, updatedMs: NOW - 5 };
  new StatusFile(path).update(new Map([["second#2", dead]]), new Date(NOW));
  expect(file.read()).toEqual(
    new Map([
      ["default#1", checked(true, NOW)],
      ["second#2", dead],
    ]),
  );
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(["cache"]);
  expect(JSON.parse(readFileSync(path, "utf8"))["second#2"]).toEqual({
    alive: false,
    aliveness: 0.25,
    updated: "2026-11-24T11:59:59.995Z",
  });
});

test("forgets what nobody updated for a month", () => {
  const file = new StatusFile(path);
  const old = checked(true, NOW - 31 * 24 * 3_600_000);
  file.update(new Map([["old#1", old]]), new Date(NOW));
  expect(file.read().size).toBe(0);
});

test.each([
  "",
  "{",
  "[]",
  "null",
  '{"a#1": 1}',
  '{"a#1": {"alive": "yes", "aliveness": 1, "updated": "2026-11-24T12:00:00Z"}}',
  '{"a#1": {"alive": true, "aliveness": 2, "updated": "2026-11-24T12:00:00Z"}}',
  '{"a#1": {"alive": true, "aliveness": 1, "updated": "soon"}}',
  `{"a#1": "${"x".repeat(2 << 20)}"}`,
])("knows nothing from damage %#", (text) => {
  writeFileSync(path, text);
  const file = new StatusFile(path);
  expect(file.read()).toEqual(new Map());
  file.update(new Map([["b#2", checked(true, NOW)]]), new Date(NOW));
  expect([...file.read().keys()]).toEqual(["b#2"]);
});

test("says so where it cannot be written", () => {
  const file = new StatusFile(join(folder, "missing", "cache"));
  const changes = new Map([["a#1", checked(true, NOW)]]);
  expect(() => file.update(changes, new Date(NOW))).toThrow("ENOENT");
});
