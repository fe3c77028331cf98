import type { OptionSpec } from "../command/command.ts";
import { GLOBAL_OPTIONS, VERSION_OPTION } from "../command/global-options.ts";
import { ST_OPTIONS } from "../command/specs/st.ts";

/** The first words that are neither flags nor values of flags, with their places. */
export interface PlainWord {
  readonly text: string;
  readonly index: number;
}

/**
 * Finds the words that may name the command. As in cobra, a flag before it that is not known to
 * take no value swallows the next word.
 */
export function plainWords(words: readonly string[]): readonly PlainWord[] {
  const options = [...GLOBAL_OPTIONS, VERSION_OPTION, ...ST_OPTIONS];
  const flags = options.filter(({ kind }) => kind === "flag");
  const found: PlainWord[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (word === "--") break;
    if (!word.startsWith("-") || word === "-") {
      found.push({ text: word, index });
      continue;
    }
    const isLong = word.startsWith("--");
    const takesNoValue = isLong
      ? flags.some(({ name }) => word === `--${name}`)
      : word.length > 2 || flags.some(({ short }) => word === `-${short}`);
    if (!takesNoValue && !word.includes("=")) index++;
  }
  return found;
}

/** A command's own options come first: its `--json` hides the global one. */
export function optionsWithGlobals(own: readonly OptionSpec[]): readonly OptionSpec[] {
  const names = new Set(own.map(({ name }) => name));
  const letters = new Set(own.map(({ short }) => short));
  return [
    ...own,
    ...GLOBAL_OPTIONS.filter(({ name, short }) => {
      return !names.has(name) && (short === undefined || !letters.has(short));
    }),
  ];
}
