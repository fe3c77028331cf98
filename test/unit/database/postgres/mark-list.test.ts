// Marks come back in the order in which they were added, with and without a parent; one that the
// parent has too is kept there only, and one that differs from the parent's is not mistaken.
import { expect, test } from "vitest";
import type { FileMark } from "../../../../src/database/postgres/file-mark.ts";
import { MarkList } from "../../../../src/database/postgres/mark-list.ts";
import { ParentFiles } from "../../../../src/database/postgres/parent-files.ts";

const KINDS = ["none", "identity", "content"] as const;
const COUNT = 150_000;

function markOf(index: number): FileMark {
  return { state: BigInt(index) << 33n, kind: KINDS[index % 3] ?? "none", value: BigInt(index) };
}

function parentFiles(): ParentFiles {
  const parent = new ParentFiles();
  for (let index = COUNT - 1; index >= 0; index -= 1) parent.add(`/base/5/${index}`, markOf(index));
  return parent;
}

test.each([["without"], ["with"]])("150,000 marks %s a parent", (which) => {
  const list = new MarkList(which === "with" ? parentFiles() : undefined);
  // Every tenth is new to the parent, and every tenth has another mark than there.
  const added = (index: number) => (index % 10 === 4 ? markOf(index + 1) : markOf(index));
  const nameOf = (index: number) => `/base/${index % 10 === 7 ? 6 : 5}/${index}`;
  for (let index = 0; index < COUNT; index += 1) list.add(nameOf(index), added(index));
  expect(list.size).toBe(COUNT);
  for (let index = 0; index < COUNT; index += 1) {
    if (index % 97 > 1 && index % 65_536 !== 0) continue;
    expect(list.get(index)).toEqual(added(index));
  }
  const [ownBlocks, places] = which === "with" ? [1, 3] : [3, 0];
  expect(list.heldBytes()).toBe(ownBlocks * 65_536 * 17 + places * 65_536 * 4);
});

test.each([["state"], ["kind"], ["value"]] as const)("a mark of another %s is another", (field) => {
  const parent = new ParentFiles();
  parent.add("/a", { state: 1n, kind: "identity", value: 2n });
  const other: FileMark = {
    state: field === "state" ? 9n : 1n,
    kind: field === "kind" ? "content" : "identity",
    value: field === "value" ? 9n : 2n,
  };
  const list = new MarkList(parent);
  list.add("/a", other);
  expect(list.get(0)).toEqual(other);
});
