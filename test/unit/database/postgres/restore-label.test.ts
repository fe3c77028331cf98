// The start of a backup is read of the label as servers write it, and of nothing less.
import { expect, test } from "vitest";
import { labelStart } from "../../../../src/database/postgres/restore-label.ts";
import { parseLsn } from "../../../../src/delta/lsn.ts";

const LABEL = [
  "START WAL LOCATION: A/2000028 (file 000000010000000A00000002)",
  "CHECKPOINT LOCATION: A/2000060",
  "BACKUP METHOD: streamed",
  "BACKUP FROM: primary",
  "START TIME: 2026-11-24 10:00:00 CET",
  "LABEL: backup\n",
].join("\n");

test("reads the start, whatever ends the lines", () => {
  expect(labelStart(LABEL)).toBe(parseLsn("A/2000028"));
  expect(labelStart(LABEL.replaceAll("\n", "\r\n"))).toBe(parseLsn("A/2000028"));
});

test("takes no beginning of it for a label", () => {
  const least = LABEL.indexOf("BACKUP METHOD");
  for (let end = 0; end < least; end += 1) {
    expect(labelStart(LABEL.slice(0, end)), `${end}`).toBeUndefined();
  }
  expect(labelStart(LABEL.slice(0, least))).toBe(parseLsn("A/2000028"));
});

test.each([` ${LABEL}`, LABEL.replace("A/2000028", "A/G"), LABEL.replace("START", "STOP")])(
  "does not read %j",
  (text) => {
    expect(labelStart(text)).toBeUndefined();
  },
);
