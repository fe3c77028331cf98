// Proves that the WAL commands take the words and flags that archive and restore commands hold.
import { expect, test } from "vitest";
import { checkArguments } from "../../../../src/cli/arguments.ts";
import { optionsWithGlobals } from "../../../../src/cli/command-line.ts";
import { parseFlags } from "../../../../src/cli/flags.ts";
import {
  WAL_FETCH_SPEC,
  WAL_PREFETCH_SPEC,
  WAL_PUSH_SPEC,
} from "../../../../src/command/specs/wal.ts";

test.each([
  [WAL_PUSH_SPEC, "pg_wal/000000010000000000000001"],
  [WAL_PUSH_SPEC, "pg_wal/000000010000000000000001 --pg-ready-rename=true"],
  [WAL_PUSH_SPEC, "--config=/etc/wal-g.json /x --target-storage default"],
  [WAL_FETCH_SPEC, "000000010000000000000001 pg_wal/RECOVERYXLOG"],
  [WAL_FETCH_SPEC, "00000002.history pg_wal/RECOVERYHISTORY --config /etc/wal-g.json"],
  [WAL_PREFETCH_SPEC, "000000010000000000000001 /pg/pg_wal"],
])("$name takes %s", (spec, line) => {
  const parsed = parseFlags(line.split(" "), optionsWithGlobals(spec.options));
  expect(() => checkArguments(spec, parsed, "wal-g")).not.toThrow();
});

test("only the read-ahead is hidden", () => {
  expect([WAL_PUSH_SPEC, WAL_FETCH_SPEC, WAL_PREFETCH_SPEC].map((s) => s.isHidden)).toEqual([
    undefined,
    undefined,
    true,
  ]);
});
