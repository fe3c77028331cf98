import { ConfigError } from "../base/errors.ts";
import { printJson } from "../base/json.ts";
import type { FileValues } from "./file.ts";
import { nearestName } from "./nearest-name.ts";
import { namesOf, PREFIXES, type Setting } from "./setting.ts";
import { findSetting, SETTINGS } from "./table.ts";
import { isOursBare } from "./unsafe-names.ts";

/** What one source says about one setting. */
export interface GivenValue {
  readonly setting: Setting;
  /** The name under which it stood there. */
  readonly name: string;
  readonly value: string;
}

/** One place that settings come from: the flags, the environment, the file. */
export interface SettingSource {
  /** By key. */
  readonly values: ReadonlyMap<string, GivenValue>;
  readonly unknown: readonly UnknownName[];
  /** Names that are set to different values, of which one loses. */
  readonly conflicts: readonly NameConflict[];
}

export interface UnknownName {
  readonly name: string;
  readonly nearest: string | undefined;
}

export interface NameConflict {
  readonly used: string;
  readonly ignored: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** An empty variable counts as not set, as it does for WAL-G. */
export function environmentSource(environment: Environment): SettingSource {
  const entries: [string, string][] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && value !== "") entries.push([name, value]);
  }
  const isOurs = (name: string) =>
    PREFIXES.some((prefix) => name.startsWith(prefix)) || isOursBare(name);
  return sourceOf(entries, isOurs);
}

export function fileSource(values: FileValues): SettingSource {
  const entries = [...values].map(([name, value]): [string, string] => [
    name,
    typeof value === "string" ? value : mapText(name, value),
  ]);
  return sourceOf(entries, () => true);
}

function mapText(name: string, value: Readonly<Record<string, unknown>>): string {
  const setting = findSetting(name)?.setting;
  if (setting === undefined || setting.kind === "map" || setting.takesMap === true) {
    return printJson(value, { escaping: "plain" });
  }
  throw new ConfigError(
    `${name} in the configuration file is a map, where a single value is wanted`,
    `For example: ${name}: ${setting.example}.`,
  );
}

/** Pairs of setting name and text; a later pair of the same name wins. */
export function flagSource(entries: Iterable<readonly [string, string]>): SettingSource {
  return sourceOf(new Map(entries), () => true);
}

function sourceOf(
  entries: Iterable<readonly [string, string]>,
  mustBeKnown: (name: string) => boolean,
): SettingSource {
  const values = new Map<string, GivenValue & { readonly rank: number }>();
  const unknown: UnknownName[] = [];
  const conflicts: NameConflict[] = [];
  for (const [name, raw] of entries) {
    const known = findSetting(name);
    if (known === undefined) {
      if (mustBeKnown(name)) unknown.push({ name, nearest: nearestSettingName(name) });
      continue;
    }
    // Secrets that were loaded from files end with a newline.
    const value = raw.replace(/[\r\n]+$/, "");
    if (value === "") continue;
    const given = { setting: known.setting, name, value, rank: known.rank };
    const other = values.get(known.setting.key);
    const [used, ignored] =
      other === undefined || given.rank < other.rank ? [given, other] : [other, given];
    if (ignored !== undefined && ignored.value !== used.value) {
      conflicts.push({ used: used.name, ignored: ignored.name });
    }
    values.set(known.setting.key, used);
  }
  return { values, unknown, conflicts };
}

export function nearestSettingName(name: string): string | undefined {
  return nearestName(name, SETTINGS.flatMap(namesOf));
}
