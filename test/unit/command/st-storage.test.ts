// Proves which storage --target means, how failures count with `all`, and what paths are refused.
import { expect, test } from "vitest";
import { CanceledError } from "../../../src/base/errors.ts";
import { ST_STAT_SPEC } from "../../../src/command/specs/st.ts";
import { folderPath, objectPath, onStorage } from "../../../src/command/st-storage.ts";
import { StorageFolder } from "../../support/storage-folder.ts";

/** Runs `work` on the storage that the words name. */
async function work(words: readonly string[], failure?: unknown) {
  using storage = new StorageFolder();
  const names: string[] = [];
  const run = await storage.run(
    {
      spec: ST_STAT_SPEC,
      run: (invocation) =>
        onStorage(invocation, "read", async ({ name }) => {
          names.push(name);
          if (failure !== undefined) throw failure;
        }),
    },
    words,
  );
  return { names, logged: run.logged };
}

test("works on the default storage", async () => {
  expect(await work([])).toEqual({ names: ["default"], logged: [] });
  expect(await work(["-t", "Default"])).toEqual({ names: ["default"], logged: [] });
});

test("names each storage with all", async () => {
  expect(await work(["--target=all"])).toEqual({
    names: ["default"],
    logged: ["info storage default"],
  });
});

test("refuses storages that are not there", async () => {
  await expect(work(["-t", "failover"])).rejects.toMatchObject({
    code: "config",
    message: 'storage with name "failover" is not found, available storages: [default]',
  });
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
