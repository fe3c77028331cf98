/**
 * What storage, codecs and ciphers see of the settings. A key is WAL-G's name without `WALG_`
 * (`COMPRESSION_METHOD`), or the whole name where WAL-G has no prefix (`PGHOST`, `AWS_REGION`).
 * Every getter throws `ConfigError` naming key, value and an example when a value is malformed.
 */
export interface SettingReader {
  text(key: string): string | undefined;
  flag(key: string): boolean;
  /** Counts and byte sizes: whole numbers. */
  whole(key: string): number | undefined;
  durationMs(key: string): number | undefined;
}
