/** Where an effective value came from, in falling precedence. */
export type SettingOrigin = "flag" | "environment" | "file" | "default";

/**
 * The effective settings. A key is WAL-G's name without `WALG_` (`COMPRESSION_METHOD`), or the
 * whole name where WAL-G has no prefix (`PGHOST`, `AWS_REGION`). Every getter throws
 * `ConfigError` naming key, value and an example when the value is malformed.
 */
export interface Settings {
  text(key: string): string | undefined;
  flag(key: string): boolean;
  /** Counts and byte sizes: whole numbers. */
  whole(key: string): number | undefined;
  durationMs(key: string): number | undefined;
  origin(key: string): SettingOrigin;
  /** Every effective setting under its environment name, for child processes. */
  childEnvironment(): Readonly<Record<string, string>>;
}
