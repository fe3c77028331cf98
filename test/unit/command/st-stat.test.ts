// Proves that one object is shown with its size, and that an absent one or a folder is an error.
import { expect, test } from "vitest";
import { ST_STAT_SPEC } from "../../../src/command/specs/st.ts";
import { run } from "../../../src/command/st-stat.ts";
import { StorageFolder } from "../../support/storage-folder.ts";

const COMMAND = { spec: ST_STAT_SPEC, run };

test("shows an object in the table of st ls", async () => {
  using storage = new StorageFolder();
  storage.put("wal_005/00.lz4", "12345");
  const { stdout } = await storage.run(COMMAND, ["/wal_005/00.lz4"]);
  const [header, row, end] = stdout.split("\n");
  expect(header).toMatch(/^type size last modified +name$/);
  expect(row).toMatch(
    /^obj {2}5 {4}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S* \S+ \S+ wal_005\/00\.lz4 {2}$/,
  );
  expect(end).toBe("");
});

test.each(["wal_005/01", "wal_005", "absent/x"])("refuses %s", async (path) => {
  using storage = new StorageFolder();
  storage.put("wal_005/00.lz4");
  await expect(storage.run(COMMAND, [path])).rejects.toMatchObject({ code: "object-not-found" });
});
