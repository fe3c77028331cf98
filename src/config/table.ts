import { namesOf, type SettingRow } from "./setting.ts";
import { BACKUP_SETTINGS } from "./table-backup.ts";
import { ENCRYPTION_SETTINGS } from "./table-encryption.ts";
import { GENERAL_SETTINGS } from "./table-general.ts";
import { MYSQL_SETTINGS, REDIS_SETTINGS, RETIRED_SETTINGS } from "./table-other-databases.ts";
import { POSTGRES_SETTINGS } from "./table-postgres.ts";
import { S3_SETTINGS } from "./table-s3.ts";
import { FAILOVER_SETTINGS, FILE_SETTINGS, OTHER_STORAGE_SETTINGS } from "./table-storages.ts";
import { TRANSFER_SETTINGS } from "./table-transfer.ts";
import { WAL_SETTINGS } from "./table-wal.ts";

/**
 * The one table of settings: looked up, checked, printed by `config` and `flags`, and written to
 * docs/settings.md. A new setting is one row in the section of its area.
 */
export const SETTINGS: readonly SettingRow[] = [
  ...GENERAL_SETTINGS,
  ...FILE_SETTINGS,
  ...S3_SETTINGS,
  ...OTHER_STORAGE_SETTINGS,
  ...FAILOVER_SETTINGS,
  ...ENCRYPTION_SETTINGS,
  ...TRANSFER_SETTINGS,
  ...BACKUP_SETTINGS,
  ...WAL_SETTINGS,
  ...POSTGRES_SETTINGS,
  ...MYSQL_SETTINGS,
  ...REDIS_SETTINGS,
  ...RETIRED_SETTINGS,
];

/** A setting under one of its names. */
export interface NamedSetting {
  readonly setting: SettingRow;
  /** 0 is the name that wins over the others. */
  readonly rank: number;
}

/** Upper-case name → setting, for every name of every setting. */
export function indexByName(settings: readonly SettingRow[]): ReadonlyMap<string, NamedSetting> {
  const index = new Map<string, NamedSetting>();
  for (const setting of settings) {
    for (const [rank, name] of namesOf(setting).entries()) index.set(name, { setting, rank });
  }
  return index;
}

export const SETTING_BY_NAME = indexByName(SETTINGS);

/** Key as commands write it → setting. */
export const SETTING_BY_KEY: ReadonlyMap<string, SettingRow> = new Map(
  SETTINGS.map((setting) => [setting.key, setting]),
);
