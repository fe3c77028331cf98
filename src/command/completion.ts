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
  const firstWords = [...new Set(commands.map((command) => command.name.split(" ")[0] ?? ""))];
  const cases = commands.map((command) => {
    const flags = [...command.options, ...GLOBAL_OPTIONS].map((option) => `--${option.name}`);
    return `    ${command.name.split(" ")[0]}) flags="${[...new Set(flags)].join(" ")}" ;;`;
  });
  return `${name}() {
  local word="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}" flags=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${firstWords.join(" ")}" -- "$word"))
    return
  fi
  case "$command" in
${cases.join("\n")}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F ${name} ${programName}
`;
}
