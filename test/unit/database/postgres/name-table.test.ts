// Proves that names keep their numbers, whatever their characters and however many there are.
import { describe, expect, it } from "vitest";
import { NameTable } from "../../../../src/database/postgres/name-table.ts";

describe("a table of names", () => {
  it("numbers names in the order in which they come, each once", () => {
    const table = new NameTable();
    const names = ["", "/", "/base/5/16390", "/päth", "/emoji/\u{1F600}", "x".repeat(5000)];
    for (const [number, name] of names.entries()) expect(table.add(name)).toBe(number);
    for (const [number, name] of names.entries()) {
      expect(table.add(name)).toBe(number);
      expect(table.find(name)).toBe(number);
      expect(table.nameOf(number)).toBe(name);
    }
    expect(table.size).toBe(names.length);
    expect(table.find("/base/5/1639")).toBeUndefined();
    expect(() => table.nameOf(names.length)).toThrow("no name has the number 6");
  });

  it("holds many names, over the blocks in which they lie", () => {
    const table = new NameTable();
    const nameOf = (index: number) => `/base/${index % 7}/${index * 13}`;
    for (let index = 0; index < 150_000; index++) table.add(nameOf(index));
    expect(table.size).toBe(150_000);
    for (let index = 0; index < 150_000; index += 37) {
      expect(table.find(nameOf(index))).toBe(index);
      expect(table.nameOf(index)).toBe(nameOf(index));
    }
  });

  it("tells folders apart, however many there are", () => {
    const table = new NameTable();
    const nameOf = (index: number) => `/pg_tblspc/${index}/${index % 2 === 0 ? "" : "PG_VERSION"}`;
    const count = 40_000;
    for (let index = 0; index < count; index++) expect(table.add(nameOf(index))).toBe(index);
    for (let index = 0; index < count; index += 11) {
      expect(table.find(nameOf(index))).toBe(index);
      expect(table.nameOf(index)).toBe(nameOf(index));
      expect(table.find(nameOf(index).slice(1))).toBeUndefined();
    }
    expect(table.find(nameOf(count))).toBeUndefined();
    expect(table.size).toBe(count);
  });

  it("refuses a name that no path can have", () => {
    expect(() => new NameTable().add("x".repeat(70_000))).toThrow(
      "a name of more than 65,535 bytes",
    );
  });
});
