// Proves what a tablespace spec may say, and which places of tablespaces are refused.
import { describe, expect, it } from "vitest";
import {
  checkTablespacePlaces,
  linksOf,
  relocatedLinks,
} from "../../../../src/database/postgres/tablespace-links.ts";

const spec = (name: string, location: string, link = `pg_tblspc/${name}`) => ({
  basePrefix: "/data",
  tablespaces: [{ name, location, link }],
});

describe("tablespace links", () => {
  it("come from a spec, normalized", () => {
    expect(linksOf(spec("16400", "/mnt//a/../ts/"), "s")).toEqual([
      { oid: "16400", location: "/mnt/ts" },
    ]);
    expect(linksOf(undefined, "s")).toEqual([]);
  });

  it.each([
    ["a name that is no number", spec("../x", "/mnt/ts")],
    ["another link", spec("16400", "/mnt/ts", "base/1")],
    ["a relative location", spec("16400", "mnt/ts")],
    ["no location", spec("16400", "")],
  ])("are refused with %s", (_title, bad) => {
    expect(() => linksOf(bad, "the spec")).toThrow(/^the spec: tablespace/);
  });

  it("of the user must have every one of the backup, and bring no others", () => {
    const own = [{ oid: "1", location: "/old/1" }];
    const moved = [
      { oid: "1", location: "/new/1" },
      { oid: "2", location: "/new/2" },
    ];
    expect(relocatedLinks(own, moved)).toEqual([{ oid: "1", location: "/new/1" }]);
    expect(relocatedLinks([], moved)).toEqual(moved);
    expect(() => relocatedLinks(moved, own)).toThrow(/lacks tablespace 2/);
  });

  it.each([
    ["/data", "/data"],
    ["/data", "/data/ts"],
    ["/data/main", "/data"],
    ["/data", "/"],
  ])("of target %s are refused at %s", (target, location) => {
    expect(() => checkTablespacePlaces([{ oid: "1", location }], target)).toThrow(/overlap/);
  });

  it("beside the target and each other are fine, whatever their names begin with", () => {
    const links = [
      { oid: "1", location: "/data-ts" },
      { oid: "2", location: "/data-ts2" },
    ];
    checkTablespacePlaces(links, "/data");
  });
});
