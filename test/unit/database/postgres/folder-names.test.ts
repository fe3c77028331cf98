// Proves that the names of a folder come back sorted and whole, any number of times.
import { expect, test } from "vitest";
import { FolderNames } from "../../../../src/database/postgres/folder-names.ts";

test("names come back in order, as often as asked", () => {
  const names = ["16390_vm", "16390", "Ä", "pg\ufffd", "\u{1f600}", " ", "base", "16390.1"];
  const folder = new FolderNames([...names]);
  expect([...folder]).toEqual([...names].sort());
  expect([...folder]).toEqual([...names].sort());
});

test("a folder may have no name, and one", () => {
  expect([...new FolderNames([])]).toEqual([]);
  expect([...new FolderNames(["base"])]).toEqual(["base"]);
});

test("names of all lengths", () => {
  for (let count = 1; count < 50; count += 1) {
    const names = Array.from({ length: count }, (_, i) => "x".repeat(1 + (i % 7)) + i).sort();
    expect([...new FolderNames([...names])]).toEqual(names);
  }
});
