import { resolve } from "node:path";
import { defined } from "../base/assert.ts";
import { ConfigError } from "../base/errors.ts";
import { type EffectiveSetting, EffectiveSettings } from "./effective-settings.ts";
import { findHomeFile, readConfigFile } from "./file.ts";
import { canonicalName, type Setting } from "./setting.ts";
import type { SettingOrigin } from "./settings.ts";
import {
  type Environment,
  environmentSource,
  fileSource,
  flagSource,
  type SettingSource,
} from "./sources.ts";
import { settingOfKey } from "./table.ts";
import { ENCRYPTION_SETTINGS } from "./table-encryption.ts";
import { refuseUnsafeName } from "./unsafe-names.ts";
import { checkedValue } from "./value.ts";

/** What environment and file say, before flags and before it is known which database it is for. */
export interface OutsideSettings {
  readonly environment: Environment;
  readonly environmentSource: SettingSource;
  readonly fileSource: SettingSource | undefined;
  readonly configPath: string | undefined;
}

/** Reads environment and configuration file; `home` undefined: nowhere to look for one. */
export function readOutsideSettings(request: {
  readonly environment: Environment;
  readonly configPath: string | undefined;
  readonly home: () => string | undefined;
}): OutsideSettings {
  const fromEnvironment = environmentSource(request.environment);
  // An empty name is no name, as for WAL-G: scripts pass variables that may be unset.
  const given = request.configPath === "" ? undefined : request.configPath;
  const named = given ?? fromEnvironment.values.get("CONFIG_PATH")?.value;
  // Absolute, since children and the server's restore_command run in other directories.
  const configPath = named === undefined ? homeFile(request.home()) : resolve(named);
  return {
    environment: request.environment,
    environmentSource: fromEnvironment,
    fileSource: configPath === undefined ? undefined : fileSource(readConfigFile(configPath)),
    configPath,
  };
}

function homeFile(home: string | undefined): string | undefined {
  return home === undefined || home === "" ? undefined : findHomeFile(home);
}

export interface LoadedSettings {
  readonly settings: EffectiveSettings;
  /** For the log; they name settings, never values. */
  readonly warnings: readonly string[];
}

export interface LoadOptions {
  readonly outside: OutsideSettings;
  /** Setting names and values from the command line. */
  readonly flags: Iterable<readonly [string, string]>;
  readonly isWalg: boolean;
  /** Warnings about settings become errors. */
  readonly isStrict: boolean;
}

/** defaults < file < environment < flags. Every value that was given is checked here. */
export function loadSettings(options: LoadOptions): LoadedSettings {
  const { outside } = options;
  const sources: readonly (readonly [SettingOrigin, SettingSource | undefined])[] = [
    ["flag", flagSource(options.flags)],
    ["environment", outside.environmentSource],
    ["file", outside.fileSource],
  ];
  const warnings: string[] = [];
  const given = new Map<string, EffectiveSetting>();
  for (const [origin, source] of sources) {
    if (source === undefined) continue;
    warnings.push(...warningsOf(origin, source, outside.configPath));
    for (const [key, { setting, name, value }] of source.values) {
      if (setting.status === "missing") throw notSupported(setting, name, origin);
      if (given.has(key)) continue;
      const checked = setting.status === "retired" ? value : checkedValue(setting, value, name);
      given.set(key, { setting, name, value: checked, origin });
    }
  }
  if (options.isStrict && warnings[0] !== undefined) {
    throw new ConfigError(warnings[0], "Leave out --strict to go on with a warning.");
  }
  addConfigPath(given, outside.configPath);
  const settings = new EffectiveSettings(given, {
    isWalg: options.isWalg,
    environment: outside.environment,
    configPath: outside.configPath,
  });
  return { settings, warnings };
}

/** The file that was read, as a setting: also when nobody named it. */
function addConfigPath(given: Map<string, EffectiveSetting>, configPath: string | undefined): void {
  if (configPath === undefined) return;
  const setting = defined(settingOfKey("CONFIG_PATH"), "setting of the configuration file");
  const named = given.get(setting.key);
  const isNamed = named !== undefined && named.origin !== "file";
  const { name, origin } = isNamed
    ? named
    : { name: canonicalName(setting), origin: "file" as const };
  given.set(setting.key, { setting, name, origin, value: configPath });
}

/** Settings of which only defaults count: for what has to go on when loading failed. */
export function defaultSettings(isWalg: boolean, environment: Environment): EffectiveSettings {
  return new EffectiveSettings(new Map(), { isWalg, environment });
}

function warningsOf(
  origin: SettingOrigin,
  source: SettingSource,
  configPath: string | undefined,
): readonly string[] {
  const place = origin === "file" ? `file ${configPath ?? ""}` : origin;
  for (const unknown of source.unknown) refuseUnsafeName(unknown, place);
  return [
    ...source.unknown.map(({ name, nearest }) => {
      const guess = nearest === undefined ? "" : `; did you mean ${nearest}?`;
      return `${name} is unknown (${place})${guess}`;
    }),
    ...source.conflicts.map(
      ({ used, ignored }) =>
        `${used} and ${ignored} are set to different values (${place}): ${used} is used`,
    ),
  ];
}

function notSupported(setting: Setting, name: string, origin: SettingOrigin): ConfigError {
  const what = ENCRYPTION_SETTINGS.settings.includes(setting)
    ? "an encryption that is not supported yet"
    : "a storage that is not supported yet";
  return new ConfigError(
    `${name} (${origin}) asks for ${what}`,
    `Remove ${name === canonicalName(setting) ? "it" : `${name}`}: going on without it would ` +
      "store something other than what it asks for.",
  );
}
