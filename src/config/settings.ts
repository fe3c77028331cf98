import type { SettingReader } from "../base/setting-reader.ts";

/** Where an effective value came from, in falling precedence. */
export type SettingOrigin = "flag" | "environment" | "file" | "default";

/** The effective settings of this run. */
export interface Settings extends SettingReader {
  origin(key: string): SettingOrigin;
  /** Every effective setting under its environment name, for child processes. */
  childEnvironment(): Readonly<Record<string, string>>;
  /** The same as long as the given settings are the same; tells nothing secret. */
  fingerprint(): string;
}
