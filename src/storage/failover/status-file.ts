import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { discardFile, temporaryName } from "../../base/atomic-file.ts";
import { isJsonObject, type JsonValue, parseJsonObject } from "../../base/json.ts";
import type { Aliveness } from "./aliveness.ts";

const FILE_BYTES_MAX = 1 << 20;
/** What nobody updated for so long is of a storage that is not configured any more. */
const FORGOTTEN_MS = 30 * 24 * 3_600_000;

/**
 * What runs tell each other of storages: a JSON object in the user's home,
 * `{"<name>#<fingerprint>": {"alive", "aliveness", "updated"}}`. A cache: where it is missing,
 * damaged or not to be written, storages are checked more often.
 *
 * Runs do not lock each other out: the file is replaced as a whole, and of two runs that end in the
 * same moment one may lose what it found out, which then is found out again.
 */
export class StatusFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  read(): ReadonlyMap<string, Aliveness> {
    const known = new Map<string, Aliveness>();
    let document: Readonly<Record<string, JsonValue>>;
    try {
      const text = readFileSync(this.#path, "utf8");
      if (text.length > FILE_BYTES_MAX) return known;
      document = parseJsonObject(text, this.#path);
    } catch {
      // Absent or damaged: nothing is known.
      return known;
    }
    for (const [key, entry] of Object.entries(document)) {
      const aliveness = isJsonObject(entry) ? decode(entry) : undefined;
      if (aliveness !== undefined) known.set(key, aliveness);
    }
    return known;
  }

  /** Adds to what others wrote meanwhile. Throws where the file cannot be written. */
  update(changes: ReadonlyMap<string, Aliveness>, now: Date): void {
    const all = new Map([...this.read(), ...changes]);
    const fresh = [...all].filter(([, { updatedMs }]) => now.getTime() - updatedMs < FORGOTTEN_MS);
    const document = Object.fromEntries(fresh.map(([key, value]) => [key, encode(value)]));
    const temporary = temporaryName(this.#path, now);
    try {
      writeFileSync(temporary, `${JSON.stringify(document)}\n`, { mode: 0o600 });
      renameSync(temporary, this.#path);
    } finally {
      discardFile(temporary);
    }
  }
}

function encode({ isAlive, average, updatedMs }: Aliveness) {
  return { alive: isAlive, aliveness: average, updated: new Date(updatedMs).toISOString() };
}

/** undefined: somebody else's, or damaged. */
function decode(entry: Readonly<Record<string, JsonValue>>): Aliveness | undefined {
  const { alive, aliveness, updated } = entry;
  const updatedMs = typeof updated === "string" ? Date.parse(updated) : Number.NaN;
  if (typeof alive !== "boolean" || typeof aliveness !== "number" || Number.isNaN(updatedMs)) {
    return undefined;
  }
  if (!(aliveness >= 0 && aliveness <= 1)) return undefined;
  return { isAlive: alive, average: aliveness, updatedMs };
}
