// Which relations stand at the top and which below another is proven with made-up catalogs, given
// forwards and backwards.
import { expect, test } from "vitest";
import { type Relation, RelationNames } from "../../../../src/database/postgres/relation-names.ts";

/** `file` null: a relation without one. */
function relation(oid: number, name: string, file: number | null, parents: number[] = []) {
  const relfilenode = file ?? undefined;
  return { oid, name, relfilenode, parents, mayHaveChildren: false };
}

function parent(child: Relation): Relation {
  return { ...child, mayHaveChildren: true };
}

function namesOf(relations: readonly Relation[]) {
  const names = new RelationNames();
  for (const one of relations) names.add(one);
  const { tables, clashes } = names.finish();
  const plain = [...tables].map(([name, { oid, relfilenode, subtables }]) => {
    const below = [...subtables].map(
      ([child, facts]) => `${child}=${facts.oid}/${facts.relfilenode}`,
    );
    return [`${name}=${oid}/${relfilenode}`, below.toSorted()] as const;
  });
  return { tables: Object.fromEntries(plain), clashes };
}

/** Forwards and backwards: a child may come before its parent. */
function expectNames(relations: readonly Relation[], expected: Record<string, string[]>) {
  expect(namesOf(relations)).toEqual({ tables: expected, clashes: [] });
  expect(namesOf(relations.toReversed())).toEqual({ tables: expected, clashes: [] });
}

test("what has a file is named, what has none is not", () => {
  const one = relation(1, "public.t", 11);
  expectNames([one, relation(2, "public.foreign", null)], { "public.t=1/11": [] });
  expectNames([], {});
});

test("all descendants stand below the root, partitioned ones among them", () => {
  expectNames(
    [
      parent(relation(1, "a.root", 0)),
      parent(relation(2, "a.middle", 0, [1])),
      relation(3, "b.leaf", 33, [2]),
      relation(4, "b.other", 44, [1]),
      relation(5, "b.foreign", null, [1]),
    ],
    { "a.root=1/0": ["a.middle=2/0", "b.leaf=3/33", "b.other=4/44"] },
  );
});

test("a child of two parents stands below both roots, once", () => {
  expectNames(
    [
      parent(relation(1, "s.a", 11)),
      parent(relation(2, "s.b", 22)),
      parent(relation(3, "s.c", 33, [1])),
      relation(4, "s.d", 44, [1, 2, 3]),
    ],
    { "s.a=1/11": ["s.c=3/33", "s.d=4/44"], "s.b=2/22": ["s.d=4/44"] },
  );
});

test("below roots without files one is at the top; a foreign table between hides nothing", () => {
  expectNames(
    [
      parent(relation(1, "s.index_of_root", null)),
      parent(relation(2, "s.index_of_middle", null, [1])),
      relation(3, "s.index_of_leaf", 33, [2]),
      parent(relation(4, "s.table", 44)),
      parent(relation(5, "s.foreign", null, [4])),
      relation(6, "s.child", 66, [5]),
    ],
    { "s.index_of_leaf=3/33": [], "s.table=4/44": ["s.child=6/66"] },
  );
});

test("a parent that was left is no parent, a parent that is not there neither", () => {
  expectNames([parent(relation(1, "s.childless", 11)), relation(2, "s.orphan", 22, [99])], {
    "s.childless=1/11": [],
    "s.orphan=2/22": [],
  });
});

test("of two relations that print alike the first is kept and the name is told", () => {
  expect(namesOf([relation(1, "a.b.c", 11), relation(2, "a.b.c", 22)])).toEqual({
    tables: { "a.b.c=1/11": [] },
    clashes: ["a.b.c"],
  });
  const below = [
    parent(relation(1, "s.root", 11)),
    relation(2, "a.b.c", 22, [1]),
    relation(3, "a.b.c", 33, [1]),
  ];
  expect(namesOf(below)).toEqual({
    tables: { "s.root=1/11": ["a.b.c=2/22"] },
    clashes: ["a.b.c"],
  });
});

test("a damaged catalog with a circle in it ends too", () => {
  const circle = [parent(relation(1, "s.a", 11, [2])), parent(relation(2, "s.b", 22, [1]))];
  expectNames(circle, { "s.a=1/11": [], "s.b=2/22": [] });
});
