import type { BigIntStats } from "node:fs";
import type { ObjectInfo } from "../driver.ts";

/** What the file system knows of an object; its times go down to nanoseconds. */
export function factsOf(status: BigIntStats): Omit<ObjectInfo, "key"> {
  return {
    sizeBytes: Number(status.size),
    modifiedAt: new Date(Number(status.mtimeMs)),
    modifiedNs: status.mtimeNs,
  };
}
