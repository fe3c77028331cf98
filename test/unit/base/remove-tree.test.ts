// Proves that a tree is gone after removeTree: at rest, and while another process removes files of
// it, where the runtime's own removal leaves the rest without an error.
import { existsSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { removeTree } from "../../../src/base/remove-tree.ts";
import { makeScratch } from "../../support/scratch.ts";

const FOLDERS_COUNT = 100;
const ROUNDS = 8;

test("what is not there is removed already", () => {
  using scratch = makeScratch("remove-tree");
  removeTree(join(scratch.path, "nothing"));
});

test("a link is removed, not what it leads to", () => {
  using scratch = makeScratch("remove-tree");
  const target = join(scratch.path, "target");
  const link = join(scratch.path, "link");
  mkdirSync(target);
  writeFileSync(join(target, "file"), "kept");
  symlinkSync(target, link);
  removeTree(link);
  expect(lstatSync(link, { throwIfNoEntry: false })).toBeUndefined();
  expect(existsSync(join(target, "file"))).toBe(true);
});

test("a tree is gone though its files vanish meanwhile", async () => {
  using scratch = makeScratch("remove-tree");
  const tree = join(scratch.path, "tree");
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let folder = 0; folder < FOLDERS_COUNT; folder += 1) {
      mkdirSync(join(tree, String(folder)), { recursive: true });
      for (const name of ["a", "b", "c", "d"]) writeFileSync(join(tree, `${folder}/${name}`), "");
    }
    const other = Bun.spawn(["sh", "-c", `rm -f '${tree}'/*/[a-d]`]);
    await Bun.sleep(round);
    removeTree(tree);
    expect(existsSync(tree)).toBe(false);
    await other.exited;
  }
});
