import type { SettingReader } from "../../src/base/setting-reader.ts";

/** Settings from a plain object, for tests of what reads them. */
export function mapSettings(values: Readonly<Record<string, string>>): SettingReader {
  const number = (key: string) => (values[key] === undefined ? undefined : Number(values[key]));
  return {
    text: (key) => values[key],
    flag: (key) => values[key] === "true",
    whole: number,
    durationMs: number,
  };
}
