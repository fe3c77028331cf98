import { ConfigError } from "../base/errors.ts";
import { isJsonObject, type JsonObject, parseJsonObject } from "../base/json.ts";
import { type EffectiveSetting, EffectiveSettings } from "./effective-settings.ts";
import { toText } from "./file.ts";
import { hasFailovers, PRIMARY_STORAGE } from "./primary-storage.ts";
import { PREFIXES, type Setting, type SettingArea } from "./setting.ts";
import { fileSource } from "./sources.ts";
import { findSetting, SECTIONS } from "./table.ts";
import { checkedValue } from "./value.ts";

/** `st --target all`: no storage can have that name. */
export const ALL_STORAGES = "all";

/** A storage by its name, with the settings to open it with. */
export interface NamedStorage {
  readonly name: string;
  readonly settings: EffectiveSettings;
  /** The same as long as the storage is the same one; tells nothing secret. */
  readonly fingerprint: string;
}

export interface NamedStorages {
  /** The primary first, then the failovers in WAL-G's order. */
  readonly storages: readonly NamedStorage[];
  /** For the log; they name settings, never values. */
  readonly warnings: readonly string[];
}

/** The settings that a storage may have of its own. */
const AREAS: readonly SettingArea[] = ["file", "s3", "gcs", "azure", "sftp", "other-storages"];
/** WAL-G reads these for all storages at once. */
const SHARED_KEYS = ["STORAGE_PREFIX", "TARGET_STORAGE"];
const UPLOAD_CONCURRENCY = "UPLOAD_CONCURRENCY";
const OWN_SETTINGS: ReadonlySet<Setting> = new Set(
  SECTIONS.flatMap(({ area, settings }) => {
    if (AREAS.includes(area)) return settings.filter(({ key }) => !SHARED_KEYS.includes(key));
    return settings.filter(({ key }) => key === UPLOAD_CONCURRENCY);
  }),
);

/**
 * Every storage of the settings. As by WAL-G, names count in lower case, and a failover sees what
 * stands in its own map; of the settings outside it sees those without a prefix (`AWS_REGION`)
 * and what holds for all storages.
 */
export function readStorages(
  settings: EffectiveSettings,
  options: { readonly isWalg: boolean },
): NamedStorages {
  const primary = {
    name: PRIMARY_STORAGE,
    settings,
    fingerprint: fingerprintOf(settings),
  };
  const map = hasFailovers(settings) ? (settings.text("FAILOVER_STORAGES") ?? "{}") : "{}";
  const shared = settings.entries().filter((entry) => isShared(entry));
  const failovers = new Map<string, NamedStorage>();
  const warnings: string[] = [];
  for (const [written, own] of Object.entries(parseJsonObject(map, "FAILOVER_STORAGES"))) {
    const name = written.toLowerCase();
    refuseName(name, failovers);
    const values = ownValues(name, own, warnings);
    const given = new Map(shared.map((entry) => [entry.setting.key, entry]));
    for (const entry of values) given.set(entry.setting.key, entry);
    const effective = new EffectiveSettings(given, { ...options, environment: {} });
    failovers.set(name, { name, settings: effective, fingerprint: fingerprintOf(effective) });
  }
  // WAL-G sorts names with a "#" and a hash behind them.
  const order = (storage: NamedStorage) => `${storage.name}#`;
  const sorted = [...failovers.values()].sort((a, b) => (order(a) < order(b) ? -1 : 1));
  return { storages: [primary, ...sorted], warnings };
}

/** What WAL-G says where a storage is named that there is not. */
export function unknownStorage(name: string, storages: readonly NamedStorage[]): ConfigError {
  const names = storages.map((storage) => storage.name).join(" ");
  return new ConfigError(
    `storage with name ${JSON.stringify(name)} is not found, available storages: [${names}]`,
    "WALG_FAILOVER_STORAGES names the storages beside the default one.",
  );
}

function refuseName(name: string, known: ReadonlyMap<string, NamedStorage>): void {
  if (name === PRIMARY_STORAGE || name === ALL_STORAGES || name.trim() === "") {
    throw new ConfigError(
      `FAILOVER_STORAGES: ${JSON.stringify(name)} is not a name for a failover storage`,
      `"${PRIMARY_STORAGE}" is the storage that the other settings describe, and ` +
        `"${ALL_STORAGES}" means all of them.`,
    );
  }
  if (!known.has(name)) return;
  throw new ConfigError(
    `FAILOVER_STORAGES: two storages have the name ${JSON.stringify(name)}`,
    "Names count in lower case.",
  );
}

function ownValues(
  storage: string,
  own: JsonObject[string],
  warnings: string[],
): readonly EffectiveSetting[] {
  const place = `FAILOVER_STORAGES, ${storage}`;
  if (!isJsonObject(own)) {
    throw new ConfigError(
      `${place}: not a map of settings`,
      'For example: {"second": {"WALG_FILE_PREFIX": "/mnt/second"}}.',
    );
  }
  const texts = Object.entries(own).flatMap(([name, value]) => {
    const text = toText(value, name, place);
    return text === undefined ? [] : [[name.toUpperCase(), text] as const];
  });
  const source = fileSource(new Map(texts));
  for (const { name, nearest } of source.unknown) {
    const meant = findSetting(`WALG_${name}`) === undefined ? nearest : `WALG_${name}`;
    const guess = meant === undefined ? "" : `; did you mean ${meant}?`;
    warnings.push(`${name} is unknown (${place})${guess}`);
  }
  for (const { used, ignored } of source.conflicts) {
    warnings.push(`${used} and ${ignored} are set to different values (${place}): ${used} is used`);
  }
  return [...source.values.values()].map(({ setting, name, value }) => {
    if (!OWN_SETTINGS.has(setting)) throw notOwn(place, name);
    if (setting.status === "missing") {
      throw new ConfigError(`${place}: ${name} asks for a storage that is not supported yet`);
    }
    return { setting, name, origin: "file", value: checkedValue(setting, value, name) };
  });
}

function notOwn(place: string, name: string): ConfigError {
  return new ConfigError(
    `${place}: ${name} is not a setting of one storage`,
    "Set it beside FAILOVER_STORAGES: it holds for all storages.",
  );
}

/** Whether a failover has it too, as it is set for the whole program. */
function isShared({ setting, origin, name }: EffectiveSetting): boolean {
  if (origin === "default") return false;
  if (SHARED_KEYS.includes(setting.key)) return setting.key === "STORAGE_PREFIX";
  if (!OWN_SETTINGS.has(setting)) return false;
  const isPlain = !PREFIXES.some((prefix) => name.startsWith(prefix));
  return isPlain || setting.key === UPLOAD_CONCURRENCY;
}

function fingerprintOf(settings: EffectiveSettings): string {
  const facts = settings
    .entries()
    // Children get defaults as if they were given.
    .filter(({ setting, value }) => value !== setting.default && setting.isSecret !== true)
    .filter(({ setting }) => OWN_SETTINGS.has(setting) || setting.key === "STORAGE_PREFIX")
    .map(({ setting, value }) => [setting.key, value]);
  return Bun.hash.xxHash3(JSON.stringify(facts)).toString(16).padStart(16, "0");
}
