import { UsageError } from "../base/errors.ts";
import type { OptionSpec, OptionValues } from "../command/command.ts";
import { nearestName } from "../config/nearest-name.ts";
import { parseFlag } from "../config/parse.ts";
import { nearestSettingName } from "../config/sources.ts";
import { findSetting } from "../config/table.ts";

/** What the words after the command say. */
export interface ParsedFlags {
  readonly arguments: readonly string[];
  readonly options: OptionValues;
  /** Settings given as flags, by their upper-case names, in the order of typing. */
  readonly settings: readonly (readonly [string, string])[];
}

/**
 * Reads words as cobra does, and leaves every value the text that was typed: a 24-digit segment
 * name must not become a number. Flags and arguments may alternate, `--` ends flags; `--x=v`,
 * `--x v`, `-x v`, `-xv`, `-x=v`, `-ab`; a flag without value means true, with one any literal of
 * Go's ParseBool. Each setting has a hidden flag: `--walg-s3-prefix v`.
 */
export function parseFlags(words: readonly string[], options: readonly OptionSpec[]): ParsedFlags {
  return new FlagReader(words, options).read();
}

class FlagReader {
  readonly #words: readonly string[];
  readonly #options: readonly OptionSpec[];
  readonly #arguments: string[] = [];
  readonly #given = new Map<string, string[]>();
  readonly #settings: (readonly [string, string])[] = [];
  #position = 0;

  constructor(words: readonly string[], options: readonly OptionSpec[]) {
    this.#words = words;
    this.#options = options;
  }

  read(): ParsedFlags {
    for (let word = this.#next(); word !== undefined; word = this.#next()) {
      if (word === "--") {
        this.#arguments.push(...this.#words.slice(this.#position));
        break;
      }
      if (word.startsWith("--")) this.#long(word.slice(2));
      else if (word.startsWith("-") && word.length > 1) this.#short(word);
      else this.#arguments.push(word);
    }
    return {
      arguments: this.#arguments,
      options: new GivenOptions(this.#given),
      settings: [...this.#settings, ...this.#settingsOfOptions()],
    };
  }

  #next(): string | undefined {
    return this.#words[this.#position++];
  }

  #long(body: string): void {
    const equals = body.indexOf("=");
    const name = equals < 0 ? body : body.slice(0, equals);
    const inline = equals < 0 ? undefined : body.slice(equals + 1);
    const option = this.#options.find((each) => each.name === name);
    if (option !== undefined) {
      this.#give(option, inline, `--${name}`);
      return;
    }
    const settingName = settingNameOfFlag(name);
    if (settingName === undefined) throw unknownFlag(name, this.#options);
    this.#settings.push([settingName, inline ?? this.#value(`--${name}`)]);
  }

  #short(word: string): void {
    let rest = word.slice(1);
    while (rest !== "") {
      const letter = rest.slice(0, 1);
      rest = rest.slice(1);
      const option = this.#options.find((each) => each.short === letter);
      if (option === undefined) {
        throw new UsageError(`unknown shorthand flag: '${letter}' in ${word}`);
      }
      const takesRest = rest.startsWith("=") || option.kind !== "flag";
      const inline = rest === "" || !takesRest ? undefined : rest.replace(/^=/, "");
      this.#give(option, inline, `'${letter}' in ${word}`);
      if (takesRest) return;
    }
  }

  #give(option: OptionSpec, inline: string | undefined, typed: string): void {
    const values = this.#given.get(option.name) ?? [];
    this.#given.set(option.name, values);
    if (option.kind === "flag") {
      const value = parseFlag(inline ?? "true");
      if (value === undefined) {
        throw new UsageError(
          `invalid argument ${JSON.stringify(inline)} for "${namesOf(option)}" flag: ` +
            `strconv.ParseBool: parsing ${JSON.stringify(inline)}: invalid syntax`,
          `For example: --${option.name}=false.`,
        );
      }
      values.splice(0, values.length, String(value));
      return;
    }
    const value = inline ?? this.#value(typed);
    if (option.kind === "list") values.push(...splitList(value));
    else values.splice(0, values.length, value);
  }

  #value(typed: string): string {
    const value = this.#next();
    if (value === undefined) throw new UsageError(`flag needs an argument: ${typed}`);
    return value;
  }

  /** The flag of a command wins over the flag of the setting's name, and so comes last. */
  #settingsOfOptions(): readonly (readonly [string, string])[] {
    return this.#options.flatMap((option) => {
      const value = this.#given.get(option.name)?.at(-1);
      if (option.setting === undefined || value === undefined) return [];
      return [[`TIDEMARK_${option.setting}`, value] as const];
    });
  }
}

class GivenOptions implements OptionValues {
  readonly #given: ReadonlyMap<string, readonly string[]>;

  constructor(given: ReadonlyMap<string, readonly string[]>) {
    this.#given = given;
  }

  flag(name: string): boolean {
    return this.#given.get(name)?.at(-1) === "true";
  }

  text(name: string): string | undefined {
    return this.#given.get(name)?.at(-1);
  }

  list(name: string): readonly string[] {
    return this.#given.get(name) ?? [];
  }
}

/** As cobra writes a flag in its messages: `-f, --full`. */
function namesOf({ name, short }: OptionSpec): string {
  return short === undefined ? `--${name}` : `-${short}, --${name}`;
}

function settingNameOfFlag(name: string): string | undefined {
  const settingName = name.replaceAll("-", "_").toUpperCase();
  return findSetting(settingName) !== undefined ? settingName : undefined;
}

function unknownFlag(name: string, options: readonly OptionSpec[]): UsageError {
  const nearestSetting = nearestSettingName(name.replaceAll("-", "_").toUpperCase());
  const nearest =
    nearestName(
      name,
      options.map((option) => option.name),
    ) ?? nearestSetting?.toLowerCase().replaceAll("_", "-");
  return new UsageError(
    `unknown flag: --${name}`,
    nearest === undefined ? undefined : `Did you mean --${nearest}?`,
  );
}

/** One line of CSV, as WAL-G reads list flags: `a,"b,c"` is two values. */
function splitList(text: string): readonly string[] {
  if (text === "") return [];
  const values: string[] = [];
  let rest = text;
  for (;;) {
    const match = /^(?:"((?:[^"]|"")*)"|([^,"]*))(,|$)/.exec(rest);
    if (match === null) {
      throw new UsageError(`invalid list ${JSON.stringify(text)}: a quote is out of place`);
    }
    values.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "") return values;
    rest = rest.slice(match[0].length);
  }
}
