import { assert, defined } from "../base/assert.ts";
import { parseDurationMs, parseFlag, parseSizeBytes, parseWhole } from "./parse.ts";
import { canonicalName, namesOf, type Setting } from "./setting.ts";
import type { SettingOrigin, Settings } from "./settings.ts";
import type { Environment } from "./sources.ts";
import { maskedStorages, secretsOfStorages } from "./storage-secrets.ts";
import { SETTINGS, settingOfKey } from "./table.ts";
import { checkedValue } from "./value.ts";

/** A setting with the value that counts. */
export interface EffectiveSetting {
  readonly setting: Setting;
  readonly value: string;
  readonly origin: SettingOrigin;
  /** The name under which it was given; the canonical one for defaults. */
  readonly name: string;
}

/** The settings of a run, checked: what the getters give is well formed. */
export class EffectiveSettings implements Settings {
  readonly #given: ReadonlyMap<string, EffectiveSetting>;
  readonly #isWalg: boolean;
  readonly #environment: Environment;
  /** The file that was read, if one was. */
  readonly configPath: string | undefined;

  constructor(
    given: ReadonlyMap<string, EffectiveSetting>,
    options: {
      readonly isWalg: boolean;
      readonly environment: Environment;
      readonly configPath?: string | undefined;
    },
  ) {
    this.#given = given;
    this.#isWalg = options.isWalg;
    this.#environment = options.environment;
    this.configPath = options.configPath;
  }

  text(key: string): string | undefined {
    return this.#effective(rowOf(key))?.value;
  }

  flag(key: string): boolean {
    return this.#parsed(key, ["flag"], parseFlag) ?? false;
  }

  whole(key: string): number | undefined {
    const isSize = rowOf(key).kind === "size";
    return this.#parsed(key, ["whole", "size"], isSize ? parseSizeBytes : parseWhole);
  }

  durationMs(key: string): number | undefined {
    return this.#parsed(key, ["duration"], parseDurationMs);
  }

  origin(key: string): SettingOrigin {
    return this.#given.get(rowOf(key).key)?.origin ?? "default";
  }

  /** Every setting that has a value, in the order of the table. */
  entries(): readonly EffectiveSetting[] {
    return SETTINGS.flatMap((setting) => this.#effective(setting) ?? []);
  }

  /** Values that must not be printed. */
  secrets(): readonly string[] {
    const secret = [...this.#given.values()].filter(({ setting }) => setting.isSecret === true);
    return secret.flatMap(({ setting, value }) => {
      return setting.kind === "map" ? secretsOfStorages(value) : [value];
    });
  }

  /**
   * The whole environment of a child: ours, with every effective setting under its own name, and
   * under each other name that is set here, so that none of them wins over it in the child. Maps
   * stay out, as by WAL-G, unless they came by a flag: the child finds them where we did.
   */
  childEnvironment(): Readonly<Record<string, string>> {
    const environment: Record<string, string> = {};
    for (const [name, value] of Object.entries(this.#environment)) {
      if (value !== undefined) environment[name] = value;
    }
    for (const { setting, value, origin } of this.entries()) {
      if (setting.status === "retired" || (setting.kind === "map" && origin !== "flag")) continue;
      environment[canonicalName(setting)] = value;
      for (const name of namesOf(setting)) {
        if (environment[name] !== undefined) environment[name] = value;
      }
    }
    return environment;
  }

  fingerprint(): string {
    const given = [...this.#given.values()].flatMap(({ setting, value }) => {
      if (setting.isSecret !== true) return [[setting.key, value]];
      return setting.kind === "map" ? [[setting.key, maskedStorages(value)]] : [];
    });
    return Bun.hash.xxHash3(JSON.stringify(given)).toString(16).padStart(16, "0");
  }

  #effective(setting: Setting): EffectiveSetting | undefined {
    const given = this.#given.get(setting.key);
    if (given !== undefined) return given;
    const value = (this.#isWalg ? setting.walgDefault : undefined) ?? setting.default;
    if (value === undefined) return undefined;
    return { setting, value, origin: "default", name: canonicalName(setting) };
  }

  #parsed<T>(
    key: string,
    kinds: readonly Setting["kind"][],
    parse: (text: string) => T | undefined,
  ): T | undefined {
    const setting = rowOf(key);
    assert(kinds.includes(setting.kind), `${key} is read as another kind than the table says`);
    const effective = this.#effective(setting);
    if (effective === undefined) return undefined;
    const value = checkedValue(setting, effective.value, effective.name);
    return defined(parse(value), `value of the checked setting ${key}`);
  }
}

function rowOf(key: string): Setting {
  return defined(settingOfKey(key), `setting ${key} in the table`);
}
