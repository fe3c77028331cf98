import { namesOf } from "../config/setting.ts";
import { SETTINGS } from "../config/table.ts";
import type { Invocation } from "./command.ts";

/** Lists the hidden flag of every setting under every name that it has. */
export async function run(invocation: Invocation): Promise<void> {
  const lines = SETTINGS.filter(({ status }) => status !== "retired").flatMap((setting) =>
    namesOf(setting).map((name, rank) => {
      const flag = `--${name.toLowerCase().replaceAll("_", "-")}`;
      return rank === 0 ? `${flag}  ${setting.help}` : flag;
    }),
  );
  invocation.output.write(lines.map((line) => `${line}\n`).join(""));
}
