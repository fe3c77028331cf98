import { UsageError } from "../base/errors.ts";
import type { Invocation } from "./command.ts";
import { GLOBAL_OPTIONS } from "./global-options.ts";
import { commandHelp, groupHelp } from "./help-text.ts";

export async function run(invocation: Invocation): Promise<void> {
  const { programName } = invocation.personality;
  const { commands, output } = invocation;
  const name = invocation.arguments.join(" ");
  const command = commands.find((each) => each.name === name);
  if (command !== undefined) {
    output.write(commandHelp(programName, command, GLOBAL_OPTIONS));
    return;
  }
  if (name !== "" && !commands.some((each) => each.name.startsWith(`${name} `))) {
    throw new UsageError(
      `no help for ${JSON.stringify(name)}`,
      `Run ${programName} help for the commands.`,
    );
  }
  output.write(groupHelp(programName, { commands, group: name }, GLOBAL_OPTIONS));
}
