import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { parseFlags } from "../../src/cli/flags.ts";
import { COMMANDS } from "../../src/command/all.ts";
import type { CommandSpec, Invocation, Output } from "../../src/command/command.ts";
import { loadSettings, readOutsideSettings } from "../../src/config/load.ts";
import { bytesSource } from "../../src/stream/byte-stream.ts";

/** What a command was given and what it printed. */
export interface TestInvocation extends Invocation {
  stdout(): string;
  /** What was to be kept out of the log. */
  readonly concealed: readonly string[];
  /** `level message` for each log line. */
  readonly logged: readonly string[];
}

/** An invocation as `cli` makes it, with real settings and flags, that keeps what is printed. */
export function testInvocation(
  spec: Pick<CommandSpec, "options">,
  given: {
    readonly words?: readonly string[];
    readonly environment?: Readonly<Record<string, string>>;
    readonly configPath?: string;
    readonly isWalg?: boolean;
    readonly programName?: string;
    readonly signal?: AbortSignal;
    readonly input?: Invocation["input"];
  } = {},
): TestInvocation {
  const { environment = {}, isWalg = false, programName = "tidemark", configPath } = given;
  const parsed = parseFlags(given.words ?? [], spec.options);
  const outside = readOutsideSettings({ environment, configPath, home: () => undefined });
  const { settings } = loadSettings({ outside, flags: parsed.settings, isWalg, isStrict: false });
  const logged: string[] = [];
  const concealed: string[] = [];
  let stdout = "";
  const output: Output = {
    write: (text) => {
      stdout += text;
    },
    writeBytes: async (bytes) => {
      stdout += new TextDecoder().decode(bytes);
    },
  };
  return {
    personality: { database: "postgres", isWalg, programName },
    arguments: parsed.arguments,
    options: parsed.options,
    settings,
    log: createLogger("debug", (level, message) => logged.push(`${level} ${message}`)),
    output,
    input: given.input ?? bytesSource(""),
    clock: SYSTEM_CLOCK,
    signal: given.signal ?? new AbortController().signal,
    self: ["/usr/bin/tidemark"],
    commands: COMMANDS.filter(({ databases }) => databases.includes("postgres")),
    conceal: (secrets) => concealed.push(...secrets),
    progress: () => ({ advance: () => {}, finish: () => {} }),
    stdout: () => stdout,
    concealed,
    logged,
  };
}
