import type { CommandSpec, OptionSpec } from "./command.ts";

export function usageLine(programName: string, command: CommandSpec): string {
  const words = command.arguments.map(({ name, required, isRepeated }) => {
    const shown = isRepeated === true ? `${name}...` : name;
    return required ? `<${shown}>` : `[${shown}]`;
  });
  return [programName, command.name, ...words, "[flags]"].join(" ");
}

/** Help of one command. */
export function commandHelp(
  programName: string,
  command: CommandSpec,
  globals: readonly OptionSpec[],
): string {
  return [
    command.summary,
    `Usage:\n  ${usageLine(programName, command)}`,
    optionLines("Flags", command.options),
    optionLines("Global flags", globals),
    settingsNote(programName),
  ]
    .filter((part) => part !== "")
    .join("\n\n")
    .concat("\n");
}

/** Help of the program (group ""), or of a group of commands such as `st`. */
export function groupHelp(
  programName: string,
  tree: { readonly commands: readonly CommandSpec[]; readonly group: string },
  globals: readonly OptionSpec[],
): string {
  const { group } = tree;
  const members = tree.commands.filter(
    ({ isHidden, name }) => isHidden !== true && (group === "" || name.startsWith(`${group} `)),
  );
  const rows = members.map(({ name, summary }): readonly [string, string] => [name, summary]);
  const about =
    group === ""
      ? "Archives and restores databases: WAL, backups, point-in-time recovery."
      : `Commands of ${group}.`;
  const prefix = group === "" ? programName : `${programName} ${group}`;
  return [
    about,
    `Usage:\n  ${prefix} <command> [flags]`,
    `Commands:\n${columns(rows)}`,
    optionLines("Global flags", globals),
    settingsNote(programName),
  ]
    .join("\n\n")
    .concat("\n");
}

function settingsNote(programName: string): string {
  return (
    `Each setting has a flag too (${programName} flags lists them); ` +
    `${programName} config shows what is in effect.`
  );
}

function optionLines(title: string, options: readonly OptionSpec[]): string {
  const rows = options
    .filter(({ isHidden }) => isHidden !== true)
    .map(({ name, short, kind, summary }): readonly [string, string] => {
      const value = kind === "flag" ? "" : kind === "list" ? " list" : " text";
      return [`${short === undefined ? "    " : `-${short}, `}--${name}${value}`, summary];
    });
  return rows.length === 0 ? "" : `${title}:\n${columns(rows)}`;
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}
