import { UsageError } from "../base/errors.ts";
import type { CommandSpec, OptionValues } from "../command/command.ts";

/** Number of arguments and required options; the texts are cobra's. */
export function checkArguments(
  command: CommandSpec,
  given: { readonly arguments: readonly string[]; readonly options: OptionValues },
  programName: string,
): void {
  const isOpen = command.arguments.at(-1)?.isRepeated === true;
  const max = isOpen ? Number.POSITIVE_INFINITY : command.arguments.length;
  const min = command.arguments.filter(({ required }) => required).length;
  const count = given.arguments.length;
  const hint = `See ${programName} ${command.name} --help.`;
  if (count < min || count > max) {
    throw new UsageError(arityText(min, max, count, given.arguments, command, programName), hint);
  }
  const absent = command.options
    .filter(({ name, isRequired }) => isRequired === true && given.options.text(name) === undefined)
    .map(({ name }) => JSON.stringify(name));
  if (absent.length > 0)
    throw new UsageError(`required flag(s) ${absent.join(", ")} not set`, hint);
}

function arityText(
  min: number,
  max: number,
  count: number,
  words: readonly string[],
  command: CommandSpec,
  programName: string,
): string {
  if (max === Number.POSITIVE_INFINITY) {
    return `requires at least ${min} arg(s), only received ${count}`;
  }
  if (max === 0) {
    return `unknown command ${JSON.stringify(words[0])} for "${programName} ${command.name}"`;
  }
  if (min === max) return `accepts ${max} arg(s), received ${count}`;
  if (min === 0) return `accepts at most ${max} arg(s), received ${count}`;
  return `accepts between ${min} and ${max} arg(s), received ${count}`;
}
