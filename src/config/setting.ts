import type { DatabaseKind } from "../base/database-kind.ts";

/**
 * Under which names a setting is looked up, in falling precedence. KEY is the setting's key.
 *
 *  - `walg`:   TIDEMARK_KEY, WALG_KEY
 *  - `wale`:   TIDEMARK_KEY, WALG_KEY, WALE_KEY
 *  - `driver`: TIDEMARK_KEY, WALG_KEY, WALE_KEY, KEY (storage keys; WAL-G knows all but the first)
 *  - `plain`:  TIDEMARK_KEY, WALG_KEY, KEY (names that other programs read too)
 *  - `own`:    TIDEMARK_KEY; WAL-G does not have it
 */
export type NameForm = "walg" | "wale" | "driver" | "plain" | "own";

export type SettingKind =
  | "text"
  | "flag"
  | "whole"
  | "fraction"
  | "duration"
  | "size"
  | "choice"
  | "map";

/**
 * What happens when the setting is given:
 *
 *  - `supported`: it is obeyed;
 *  - `idle`: accepted, checked and without effect in this version, for a reason that is told;
 *  - `retired`: accepted and without effect, as it has no meaning here;
 *  - `missing`: an error, since ignoring it would lose data, its secrecy or a copy of it.
 */
export type SettingStatus = "supported" | "idle" | "retired" | "missing";

export type SettingArea =
  | "general"
  | "transfer"
  | "backup"
  | "wal"
  | "postgres"
  | "encryption"
  | "s3"
  | "gcs"
  | "azure"
  | "file"
  | "sftp"
  | "other-storages"
  | "failover"
  | "mysql"
  | "redis"
  | "retired";

export interface Setting {
  /** WAL-G's name without `WALG_`, or the whole name where WAL-G has no prefix. */
  readonly key: string;
  readonly form: NameForm;
  readonly kind: SettingKind;
  readonly help: string;
  /** A value that works, for messages about values that do not. */
  readonly example: string;
  /** Further keys of the same setting, looked up after its own. */
  readonly aliases?: readonly string[];
  readonly default?: string;
  /** The default when called as `wal-g*`, where it differs. */
  readonly walgDefault?: string;
  readonly choices?: readonly string[];
  /** A configuration file may write it as a map; the setting is its JSON then. */
  readonly takesMap?: boolean;
  /** Smallest whole number allowed, or of a duration the fewest milliseconds. */
  readonly min?: number;
  /** Never printed, and scrubbed from whatever is printed. */
  readonly isSecret?: boolean;
  readonly status?: SettingStatus;
  /** Why an idle setting has no effect, and nothing comes of that: a clause for docs. */
  readonly idleBecause?: string;
  /** The one database that it belongs to: decides the personality when nothing else does. */
  readonly database?: DatabaseKind;
}

/** A section of the table. */
export interface SettingSection {
  readonly area: SettingArea;
  readonly settings: readonly Setting[];
}

export function section(area: SettingArea, settings: readonly Setting[]): SettingSection {
  return { area, settings };
}

export const PREFIXES = ["TIDEMARK_", "WALG_", "WALE_"] as const;

export const PREFIXES_OF: Readonly<Record<NameForm, readonly string[]>> = {
  walg: ["TIDEMARK_", "WALG_"],
  wale: ["TIDEMARK_", "WALG_", "WALE_"],
  driver: ["TIDEMARK_", "WALG_", "WALE_", ""],
  plain: ["TIDEMARK_", "WALG_", ""],
  own: ["TIDEMARK_"],
};

const CANONICAL_PREFIX: Readonly<Record<NameForm, string>> = {
  walg: "WALG_",
  wale: "WALG_",
  driver: "",
  plain: "",
  own: "TIDEMARK_",
};

/** Every name of a setting, in falling precedence within one source. */
export function namesOf(setting: Setting): readonly string[] {
  return [setting.key, ...(setting.aliases ?? [])].flatMap((key) => {
    // Some variables of other programs are written in lower case: no prefix goes with them.
    const prefixes = key === key.toUpperCase() ? PREFIXES_OF[setting.form] : [""];
    return prefixes.map((prefix) => `${prefix}${key}`);
  });
}

/** The name under which child processes and other programs look for it. */
export function canonicalName(setting: Setting): string {
  return `${CANONICAL_PREFIX[setting.form]}${setting.key}`;
}
