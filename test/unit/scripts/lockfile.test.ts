// Proves that a lock file keeps all but its download addresses, on made files and on ours.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { emptyAddresses, findAddresses } from "../../../scripts/lockfile.ts";

const FIRST = "https://packages.example/a/-/a-1.0.0.tgz";
const SECOND = "http://packages.example:4873/@scope/b/-/b-2.0.0.tgz";

/** A table of references before a buffer of long strings, as bun.lockb has them. */
function lockFile(references: readonly (readonly [offset: number, length: number])[]): Buffer {
  const table = Buffer.alloc(references.length * 8);
  references.forEach(([offset, length], index) => {
    table.writeUInt32LE(offset, index * 8);
    table.writeUInt32LE(length + 0x8000_0000, index * 8 + 4);
  });
  const header = Buffer.from("#!/usr/bin/env bun\nbun-lockfile-format-v0\n");
  return Buffer.concat([header, table, Buffer.from(`some-long-name${FIRST}${SECOND}sha512-x`)]);
}

const FIRST_REFERENCE = [14, FIRST.length] as const;
const SECOND_REFERENCE = [14 + FIRST.length, SECOND.length] as const;
const TABLE_START = 42;

describe("emptyAddresses", () => {
  test("empties every address and every reference to it, and nothing else", () => {
    const name = [0, 14] as const;
    const file = lockFile([name, FIRST_REFERENCE, SECOND_REFERENCE, FIRST_REFERENCE]);
    const result = emptyAddresses(file);
    expect(findAddresses(file)).toHaveLength(2);
    expect(findAddresses(result)).toHaveLength(0);
    expect(result.length).toBe(file.length);
    expect(result.subarray(0, TABLE_START + 8)).toEqual(file.subarray(0, TABLE_START + 8));
    expect(result.subarray(TABLE_START + 8, TABLE_START + 32)).toEqual(Buffer.alloc(24));
    expect(result.subarray(TABLE_START + 32).toString()).toBe(
      `some-long-name${" ".repeat(FIRST.length + SECOND.length)}sha512-x`,
    );
  });

  test("refuses a file in which an address has no reference", () => {
    expect(() => emptyAddresses(lockFile([FIRST_REFERENCE]))).toThrow(
      "nothing refers to the 2 download addresses",
    );
  });

  test("gives a file without addresses back as it is", () => {
    const file = Buffer.from("bun-lockfile-format-v0 sha512-x");
    expect(emptyAddresses(file)).toEqual(file);
  });
});

test("our lock file holds no download address", () => {
  const file = readFileSync(join(import.meta.dirname, "../../../bun.lockb"));
  expect(file.toString("latin1")).toContain("bun-lockfile-format-v0");
  expect(file.toString("latin1")).not.toMatch(/https?:\/\//);
});
