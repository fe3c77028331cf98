import { UsageError } from "../base/errors.ts";
import type { CommandSpec, Invocation } from "./command.ts";
import { GLOBAL_OPTIONS } from "./global-options.ts";

/** Prints a script that completes commands and flags; arguments are completed as files. */
export async function run(invocation: Invocation): Promise<void> {
  const { programName } = invocation.personality;
  const commands = invocation.commands.filter(({ isHidden }) => isHidden !== true);
  const shell = invocation.arguments[0];
  switch (shell) {
    case "bash":
      invocation.output.write(bashScript(programName, commands));
      return;
    case "zsh":
      // zsh runs bash completions after bashcompinit.
      invocation.output.write(
        `#compdef ${programName}\nautoload -U +X bashcompinit && bashcompinit\n` +
          bashScript(programName, commands),
      );
      return;
    default:
      throw new UsageError(`no completion for shell ${JSON.stringify(shell)}`, "Use bash or zsh.");
  }
}

function bashScript(programName: string, commands: readonly CommandSpec[]): string {
  const name = `_${programName.replaceAll("-", "_")}`;
  // What may follow each group, the bare program ("") first, and the flags of each command.
  const groups = new Map<string, Set<string>>([["", new Set()]]);
  for (const command of commands) {
    const words = command.name.split(" ");
    for (const [index, word] of words.entries()) {
      const group = words.slice(0, index).join(" ");
      groups.set(group, (groups.get(group) ?? new Set()).add(word));
    }
  }
  const cases = [
    ...[...groups].map(([group, words]) => `    "${group}") words="${[...words].join(" ")}" ;;`),
    ...commands.map((command) => {
      const flags = [...command.options, ...GLOBAL_OPTIONS].map((option) => `--${option.name}`);
      return `    "${command.name}") flags="${[...new Set(flags)].join(" ")}" ;;`;
    }),
  ];
  const known = [...groups.keys(), ...commands.map((command) => command.name)]
    .filter((path) => path !== "")
    .map((path) => `"${path}"`);
  return `${name}() {
  local word="\${COMP_WORDS[COMP_CWORD]}" command="" words="" flags="" path i
  for ((i = 1; i < COMP_CWORD; i++)); do
    path="\${command:+$command }\${COMP_WORDS[i]}"
    case "$path" in
      ${known.join("|")}) command="$path" ;;
    esac
  done
  case "$command" in
${cases.join("\n")}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
    *)
      if [ -n "$words" ]; then
        COMPREPLY=($(compgen -W "$words" -- "$word"))
      else
        COMPREPLY=($(compgen -f -- "$word"))
      fi
      ;;
  esac
}
complete -o filenames -F ${name} ${programName}
`;
}
