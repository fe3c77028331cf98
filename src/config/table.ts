import type { Setting, SettingSection } from "./setting.ts";
import { PREFIXES, PREFIXES_OF } from "./setting.ts";
import { AZURE_SETTINGS } from "./table-azure.ts";
import { BACKUP_SETTINGS } from "./table-backup.ts";
import { ENCRYPTION_SETTINGS } from "./table-encryption.ts";
import { GCS_SETTINGS } from "./table-gcs.ts";
import { GENERAL_SETTINGS } from "./table-general.ts";
import { MYSQL_SETTINGS, REDIS_SETTINGS, RETIRED_SETTINGS } from "./table-other-databases.ts";
import { POSTGRES_SETTINGS } from "./table-postgres.ts";
import { S3_SETTINGS } from "./table-s3.ts";
import {
  FAILOVER_SETTINGS,
  FILE_SETTINGS,
  OTHER_STORAGE_SETTINGS,
  SFTP_SETTINGS,
} from "./table-storages.ts";
import { TRANSFER_SETTINGS } from "./table-transfer.ts";
import { WAL_SETTINGS } from "./table-wal.ts";

/**
 * The one table of settings: looked up, checked, printed by `config` and `flags`, and written to
 * docs/settings.md. A new setting is one row in the section of its area.
 */
export const SECTIONS: readonly SettingSection[] = [
  GENERAL_SETTINGS,
  FILE_SETTINGS,
  S3_SETTINGS,
  GCS_SETTINGS,
  AZURE_SETTINGS,
  SFTP_SETTINGS,
  OTHER_STORAGE_SETTINGS,
  FAILOVER_SETTINGS,
  ENCRYPTION_SETTINGS,
  TRANSFER_SETTINGS,
  BACKUP_SETTINGS,
  WAL_SETTINGS,
  POSTGRES_SETTINGS,
  MYSQL_SETTINGS,
  REDIS_SETTINGS,
  RETIRED_SETTINGS,
];

export const SETTINGS: readonly Setting[] = SECTIONS.flatMap(({ settings }) => settings);

/** A setting under one of its names. */
export interface NamedSetting {
  readonly setting: Setting;
  /** 0 is the name that wins over the others. */
  readonly rank: number;
}

/** Keys and aliases; names with prefixes are taken apart, as a map of them costs start-up. */
const BY_KEY: ReadonlyMap<string, Setting> = indexByKey(SETTINGS);

function indexByKey(settings: readonly Setting[]): ReadonlyMap<string, Setting> {
  const index = new Map<string, Setting>();
  for (const setting of settings) {
    index.set(setting.key, setting);
    for (const alias of setting.aliases ?? []) index.set(alias, setting);
  }
  return index;
}

/** The setting that a name in the environment, a file or a flag means. */
export function findSetting(name: string): NamedSetting | undefined {
  const prefix = PREFIXES.find((each) => name.startsWith(each)) ?? "";
  const key = name.slice(prefix.length);
  const setting = BY_KEY.get(key);
  if (setting === undefined) return undefined;
  const prefixRank = PREFIXES_OF[setting.form].indexOf(prefix);
  if (key !== key.toUpperCase()) return prefix === "" ? { setting, rank: 1000 } : undefined;
  if (prefixRank < 0) return undefined;
  const keyRank = 1 + (setting.aliases ?? []).indexOf(key);
  return { setting, rank: keyRank * PREFIXES_OF[setting.form].length + prefixRank };
}

/** The setting of a key as commands write it; one of its full names will do too. */
export function settingOfKey(key: string): Setting | undefined {
  return BY_KEY.get(key) ?? findSetting(key)?.setting;
}
