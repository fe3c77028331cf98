import { formatGoString, GO_ZERO_TIME } from "../base/go-time.ts";
import { type LocalZone, systemZone, UTC_ZONE } from "../base/local-zone.ts";
import type { ObjectInfo, StorageDriver } from "../storage/driver.ts";
import { zoneOfStorage } from "./backup-list.ts";
import type { Output } from "./command.ts";
import { renderTabbed } from "./table.ts";

const HEADER = ["type", "size", "last modified", "name"];

/** Rows that are aligned together; a longer table is printed in blocks, to bound the memory. */
const BLOCK_ROWS = 50_000;

/**
 * The table of `st ls` and `st stat`, as WAL-G prints it. Its rows have two cells more than the
 * header, for versions and extra facts, which stay empty.
 */
export class ObjectTable {
  readonly #output: Output;
  readonly #zone: LocalZone;
  #rows: string[][] = [[...HEADER]];

  constructor(output: Output, driver: Pick<StorageDriver, "name">) {
    this.#output = output;
    this.#zone = zoneOfStorage(driver.name, systemZone());
  }

  folder(name: string): void {
    this.#add(["dir", "0", formatGoString(GO_ZERO_TIME, UTC_ZONE), `${name}/`, "", ""]);
  }

  object(name: string, info: ObjectInfo): void {
    const ns = info.modifiedNs ?? BigInt(info.modifiedAt.getTime()) * 1_000_000n;
    const time = { ns, offsetMinutes: this.#zone.offsetMinutes(info.modifiedAt) };
    this.#add(["obj", String(info.sizeBytes), formatGoString(time, this.#zone), name, "", ""]);
  }

  /** Prints what is left. */
  end(): void {
    this.#output.write(renderTabbed(this.#rows));
    this.#rows = [];
  }

  #add(row: string[]): void {
    if (this.#rows.length > BLOCK_ROWS) this.end();
    this.#rows.push(row);
  }
}
