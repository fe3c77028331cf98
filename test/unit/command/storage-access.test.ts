// Proves that one storage is opened as if there could be no others; failover.test.ts has several.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { onWritable, openReadable } from "../../../src/command/storage-access.ts";
import { testInvocation } from "../../support/invocation.ts";

const folder = mkdtempSync(join(tmpdir(), "tidemark-access-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const { signal } = new AbortController();

test.each([{}, { WALG_FAILOVER_STORAGES: "{}" }])(
  "opens the only storage with %j",
  async (more) => {
    const environment = { WALG_FILE_PREFIX: folder, ...more };
    const given = testInvocation({ options: [] }, { environment });
    await using storages = await openReadable(given);
    expect(storages.repositories.map(({ name }) => name)).toEqual(["default"]);
    expect(storages.watch).toBeUndefined();
    const target = await onWritable(given, { canMove: true }, async (each) => {
      expect((await each.repository.driver.listFolder("", signal)).objects).toEqual([]);
      return each;
    });
    expect(target.elsewhere).toBeUndefined();
    const fault = new Error("x");
    const fail = async () => Promise.reject(fault);
    await expect(onWritable(given, { canMove: true }, fail)).rejects.toBe(fault);
  },
);
