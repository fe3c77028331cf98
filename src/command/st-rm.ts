import { ToolError, UsageError } from "../base/errors.ts";
import type { StorageDriver } from "../storage/driver.ts";
import { ObjectNotFoundError } from "../storage/errors.ts";
import { type ObjectKey, toObjectKey } from "../storage/object-key.ts";
import { expandGlob } from "../transfer/glob.ts";
import type { Invocation } from "./command.ts";
import { folderPath, onStorage } from "./st-storage.ts";

/** Removes one object, or everything in a folder: never what merely begins with the name. */
export async function run(invocation: Invocation): Promise<void> {
  const { options, log, signal } = invocation;
  const [path = ""] = invocation.arguments;
  const name = options.flag("glob") ? path.replace(/^\/+/, "") : folderPath(path);
  if (name === "") {
    throw new UsageError(
      `${JSON.stringify(path)} means the whole storage`,
      "Name an object or a folder; --glob '*' means all of them.",
    );
  }
  await onStorage(invocation, "write", async ({ driver }) => {
    const removal = new Removal(driver, signal);
    if (options.flag("glob")) {
      const { objects, folders } = await expandGlob(driver, name, signal);
      for (const key of objects) await removal.add(toObjectKey(key));
      for (const folder of folders) await removal.addFolder(folder);
    } else if (path.endsWith("/") || !(await removal.addObject(toObjectKey(name)))) {
      await removal.addFolder(name);
    }
    const count = await removal.finish();
    if (count === 0 && !options.flag("glob")) {
      throw new ToolError({
        code: "object-not-found",
        message: `object or folder ${JSON.stringify(path)} does not exist`,
        hint: "The st ls command shows what is there.",
      });
    }
    log.info(`removed ${count} ${count === 1 ? "object" : "objects"}`);
  });
}

/** Removes keys in batches as they are found, so that no folder is too large. */
class Removal {
  readonly #driver: StorageDriver;
  readonly #signal: AbortSignal;
  #batch: ObjectKey[] = [];
  #count = 0;

  constructor(driver: StorageDriver, signal: AbortSignal) {
    this.#driver = driver;
    this.#signal = signal;
  }

  async add(key: ObjectKey): Promise<void> {
    this.#batch.push(key);
    if (this.#batch.length >= this.#driver.traits.deleteBatchMax) await this.#flush();
  }

  /** false: there is no object of that name. */
  async addObject(key: ObjectKey): Promise<boolean> {
    try {
      await this.#driver.stat(key, this.#signal);
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return false;
      throw error;
    }
    await this.add(key);
    return true;
  }

  async addFolder(folder: string): Promise<void> {
    for await (const { key } of this.#driver.list(`${folder}/`, { signal: this.#signal })) {
      await this.add(key);
    }
  }

  /** How many were removed. */
  async finish(): Promise<number> {
    await this.#flush();
    return this.#count;
  }

  async #flush(): Promise<void> {
    if (this.#batch.length === 0) return;
    await this.#driver.delete(this.#batch, this.#signal);
    this.#count += this.#batch.length;
    this.#batch = [];
  }
}
