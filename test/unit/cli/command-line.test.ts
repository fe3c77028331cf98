// Proves which words may name the command, whatever flags stand before it.
import { expect, test } from "vitest";
import { optionsWithGlobals, plainWords } from "../../../src/cli/command-line.ts";

test.each([
  ["wal-push /x", "wal-push /x"],
  ["--config /c wal-push /x", "wal-push /x"],
  ["--config=/c wal-push", "wal-push"],
  ["--turbo --json wal-push", "wal-push"],
  ["--walg-s3-prefix s3://b backup-list --json", "backup-list"],
  ["-h wal-push", "wal-push"],
  ["-p wal-push x", "x"],
  ["-pf wal-push", "wal-push"],
  ["st -g -t default ls x", "st ls x"],
  ["st --target=all --glob rm x", "st rm x"],
  ["-", "-"],
  ["-- wal-push", ""],
  ["--version", ""],
  ["", ""],
])("finds in %j the words %j", (line, words) => {
  const found = plainWords(line.split(" ").filter((word) => word !== ""));
  expect(found.map(({ text }) => text).join(" ")).toBe(words);
});

test("tells the place of each word", () => {
  expect(plainWords(["--config", "/c", "st", "--turbo", "ls"])).toEqual([
    { text: "st", index: 2 },
    { text: "ls", index: 4 },
  ]);
});

test("lets a command's own option hide the global one of that name or letter", () => {
  const own = { name: "json", kind: "flag", summary: "own" } as const;
  const options = optionsWithGlobals([own]);
  expect(options.filter(({ name }) => name === "json")).toEqual([own]);
  expect(options.map(({ name }) => name)).toContain("config");
  const withH = optionsWithGlobals([{ name: "host", short: "h", kind: "text", summary: "" }]);
  expect(withH.some(({ name }) => name === "help")).toBe(false);
});
