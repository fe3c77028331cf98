// Proves which storage --target means, how failures count with `all`, and what paths are refused.
import { expect, test } from "vitest";
import { CanceledError } from "../../../src/base/errors.ts";
import { ST_STAT_SPEC } from "../../../src/command/specs/st.ts";
import { folderPath, objectPath, onStorage } from "../../../src/command/st-storage.ts";
import { StorageFolder } from "../../support/storage-folder.ts";

/** Runs `work` on the storage that the words name. */
async function work(
  words: readonly string[],
  failure?: unknown,
  failingNames: readonly string[] = ["default", "failover"],
) {
  using storage = new StorageFolder();
  const names: string[] = [];
  const failover = { failover: { WALG_FILE_PREFIX: storage.local } };
  const environment = { WALG_FAILOVER_STORAGES: JSON.stringify(failover) };
  const run = await storage.run(
    {
      spec: ST_STAT_SPEC,
      run: (invocation) =>
        onStorage(invocation, "read", async ({ name }) => {
          names.push(name);
          if (failure !== undefined && failingNames.includes(name)) throw failure;
        }),
    },
    words,
    { environment },
  );
  return { names, logged: run.logged };
}

test("works on the default storage", async () => {
  expect(await work([])).toEqual({ names: ["default"], logged: [] });
  expect(await work(["-t", "Default"])).toEqual({ names: ["default"], logged: [] });
});

test("names each storage with all", async () => {
  expect(await work(["--target=all"])).toEqual({
    names: ["default", "failover"],
    logged: ["info storage default", "info storage failover"],
  });
});

test("refuses storages that are not there", async () => {
  expect((await work(["-t", "FailOver"])).names).toEqual(["failover"]);
  await expect(work(["-t", "third"])).rejects.toMatchObject({
    code: "config",
    message: 'storage with name "third" is not found, available storages: [default failover]',
  });
});

test.each(["default", "failover"])("with all, what fails in %s alone is logged", async (name) => {
  const { names, logged } = await work(["-t", "all"], new RangeError("broken"), [name]);
  expect(names).toEqual(["default", "failover"]);
  expect(logged).toContain("error broken");
});

test("with all, failing everywhere is a failure, and an interruption remains one", async () => {
  await expect(work(["-t", "all"], new RangeError("x"))).rejects.toMatchObject({
    message: "all storages failed",
    code: "internal",
  });
  const stop = new CanceledError("SIGINT");
  await expect(work(["-t", "all"], stop)).rejects.toBe(stop);
  await expect(work([], stop)).rejects.toBe(stop);
});

test("takes paths with and without slashes around them", () => {
  expect(objectPath("/a/b") as string).toBe("a/b");
  expect(folderPath("/a/b/")).toBe("a/b");
  expect(["", "/", ".", "//"].map(folderPath)).toEqual(["", "", "", ""]);
  for (const path of ["a//b", "../x", "a/.."]) {
    expect(() => folderPath(path)).toThrow("object key");
    expect(() => objectPath(path)).toThrow("object key");
  }
  expect(() => objectPath("a/")).toThrow("has an empty segment");
  expect(() => objectPath("/")).toThrow("is empty");
});
