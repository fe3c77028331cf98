import type { Clock } from "../base/clock.ts";
import type { DatabaseKind } from "../base/database-kind.ts";
import { COMMANDS } from "../command/all.ts";
import type { Command, Invocation, Output, Personality } from "../command/command.ts";
import { GLOBAL_OPTIONS, VERSION_OPTION } from "../command/global-options.ts";
import type { EffectiveSettings } from "../config/effective-settings.ts";
import {
  defaultSettings,
  loadSettings,
  type OutsideSettings,
  readOutsideSettings,
} from "../config/load.ts";
import {
  type Environment,
  environmentSource,
  flagSource,
  type GivenValue,
} from "../config/sources.ts";
import { checkedValue } from "../config/value.ts";
import { checkArguments } from "./arguments.ts";
import { type CalledAs, calledAs, DATABASE_WORDS } from "./called-as.ts";
import { optionsWithGlobals, plainWords } from "./command-line.ts";
import { exitCodeOf, reportError, reportUsage, toToolError } from "./exit.ts";
import { type ParsedFlags, parseFlags } from "./flags.ts";
import { decideDatabase } from "./personality.ts";
import { RunLog } from "./run-log.ts";
import { commandWords, selectCommand } from "./selection.ts";
import { versionText } from "./version.ts";

/** What the program takes from its process; nothing else reaches for it. */
export interface ProgramHost {
  /** The name by which it was called. */
  readonly argv0: string;
  /** The words after it. */
  readonly words: readonly string[];
  readonly environment: Environment;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly output: Output;
  readonly input: Invocation["input"];
  /** Descriptor of stderr. */
  readonly stderr: number;
  home(): string | undefined;
  self(): readonly string[];
}

/** A run of the program: reads the words, runs the command, and says how it ended. */
export class Program {
  readonly #host: ProgramHost;
  readonly #called: CalledAs;
  #personality: Personality;
  #settings: EffectiveSettings;
  #log: RunLog;
  #command: Command | undefined;
  /** false: what fails is how it was called. */
  #isRunning = false;
  #parsed: ParsedFlags = parseFlags([], []);

  constructor(host: ProgramHost) {
    this.#host = host;
    this.#called = calledAs(host.argv0);
    const { isWalg, programName, database } = this.#called;
    this.#personality = { database: database ?? "postgres", isWalg, programName };
    this.#settings = defaultSettings(isWalg, host.environment);
    this.#log = RunLog.plain({
      clock: host.clock,
      zone: host.environment["TZ"],
      stderr: host.stderr,
      isJson: !isWalg && host.words.includes("--json"),
    });
  }

  /** Runs to the end; the exit code. Whatever fails is reported. */
  async run(): Promise<number> {
    try {
      await this.#execute();
      return 0;
    } catch (error) {
      return await this.fail(error);
    }
  }

  /** Reports an error, also one that no command saw, and gives the exit code for it. */
  async fail(thrown: unknown): Promise<number> {
    const error = toToolError(thrown, this.#host.signal);
    const { isWalg } = this.#called;
    let exitCode = exitCodeOf(error, { isWalg, command: undefined });
    try {
      const module = await this.#command?.load();
      const command = module && { module, invocation: this.#invocation() };
      exitCode = exitCodeOf(error, { isWalg, command });
    } catch (ruleError) {
      // The error that is being reported matters more than the command's rule for its code.
      this.#log.logger.debug(`exit code rule failed: ${String(ruleError)}`);
    }
    const isMistyped = error.code === "usage" && !this.#isRunning;
    if (isWalg && isMistyped && !this.#log.isJson)
      reportUsage(error, await this.#usage(), this.#log);
    else reportError(error, exitCode, this.#log);
    return exitCode;
  }

  async #usage(): Promise<string> {
    const { programName } = this.#personality;
    if (this.#command === undefined) return `${programName} <command> [flags]`;
    const { usageLine } = await import("../command/help-text.ts");
    return usageLine(programName, this.#command);
  }

  async #execute(): Promise<void> {
    let { words } = this.#host;
    let plain = plainWords(words);
    let told = this.#called.database;
    const first = plain[0];
    const byWord = first === undefined ? undefined : DATABASE_WORDS[first.text];
    if (first !== undefined && byWord !== undefined && (told ?? byWord) === byWord) {
      told = byWord;
      words = words.filter((_, index) => index !== first.index);
      plain = plainWords(words);
      this.#personality = { ...this.#personality, database: byWord };
    }
    const { name, isGroup, indexes } = commandWords(plain);
    const rest = words.filter((_, index) => !indexes.has(index));
    if (isGroup) await this.#showGroup(name, rest);
    else await this.#runCommand(name, rest, told);
  }

  /** The bare program, `--version`, or a bare group of commands. */
  async #showGroup(group: string, words: readonly string[]): Promise<void> {
    const options = group === "" ? [...GLOBAL_OPTIONS, VERSION_OPTION] : GLOBAL_OPTIONS;
    const parsed = parseFlags(words, options);
    const { database, programName } = this.#personality;
    const commands = commandsOf(database);
    if (parsed.options.flag("version")) {
      this.#host.output.write(versionText(this.#called, database));
      return;
    }
    const { groupHelp } = await import("../command/help-text.ts");
    this.#host.output.write(groupHelp(programName, { commands, group }, options));
  }

  async #runCommand(
    name: string,
    words: readonly string[],
    told: DatabaseKind | undefined,
  ): Promise<void> {
    // Known from here on, so that a failure of any kind gets the command's own exit code.
    this.#command = COMMANDS.find((command) => command.name === name);
    this.#parsed = this.#parse(words);
    const isHelp = this.#parsed.options.flag("help");
    const isStandalone = isHelp || this.#command?.isStandalone === true;
    const outside = isStandalone ? undefined : this.#readOutside();
    const database = this.#decideDatabase(name, told, outside);
    this.#personality = { ...this.#personality, database };
    this.#command = selectCommand(name, database, this.#personality.programName);
    this.#parsed = this.#parse(words);
    if (isHelp) {
      const { commandHelp } = await import("../command/help-text.ts");
      const { programName } = this.#personality;
      this.#host.output.write(commandHelp(programName, this.#command, GLOBAL_OPTIONS));
      return;
    }
    if (outside !== undefined) this.#load(outside);
    checkArguments(this.#command, this.#parsed, this.#personality.programName);
    const module = await this.#command.load();
    this.#isRunning = true;
    await module.run(this.#invocation());
  }

  /** Without a command that is known, only what every command takes can be read. */
  #parse(words: readonly string[]): ParsedFlags {
    const own = this.#command?.options;
    if (own !== undefined) return parseFlags(words, optionsWithGlobals(own));
    try {
      return parseFlags(words, GLOBAL_OPTIONS);
    } catch {
      // The command is unknown or planned, and that is what will be said.
      return parseFlags([], []);
    }
  }

  #readOutside(): OutsideSettings {
    const { environment, home } = this.#host;
    return readOutsideSettings({
      environment,
      home,
      configPath: this.#parsed.options.text("config"),
    });
  }

  #decideDatabase(
    commandName: string,
    told: DatabaseKind | undefined,
    outside: OutsideSettings | undefined,
  ): DatabaseKind {
    const { TIDEMARK_DATABASE } = this.#host.environment;
    const sources = [
      flagSource(this.#parsed.settings),
      outside?.environmentSource ?? environmentSource({ TIDEMARK_DATABASE }),
      outside?.fileSource,
    ];
    const chosen = sources.map((source) => source?.values.get("DATABASE")).find((given) => given);
    return decideDatabase({
      told: told ?? databaseOf(chosen),
      commandName,
      configured: () => sources.flatMap((source) => [...(source?.values.values() ?? [])]),
    });
  }

  #load(outside: OutsideSettings): void {
    const { options, settings: flags } = this.#parsed;
    const { isWalg } = this.#called;
    const { clock, environment, stderr } = this.#host;
    const { settings, warnings } = loadSettings({
      outside,
      flags,
      isWalg,
      isStrict: options.flag("strict"),
    });
    this.#settings = settings;
    const ownsJson = this.#command?.options.some(({ name }) => name === "json") === true;
    const isJson = options.flag("json") && !(isWalg && ownsJson);
    this.#log = RunLog.of(settings, {
      clock,
      zone: environment["TZ"],
      stderr,
      isJson,
      isQuiet: options.flag("quiet"),
    });
    for (const warning of warnings) this.#log.logger.warning(warning);
  }

  #invocation(): Invocation {
    const host = this.#host;
    const log = this.#log;
    return {
      personality: this.#personality,
      arguments: this.#parsed.arguments,
      options: this.#parsed.options,
      settings: this.#settings,
      log: log.logger,
      output: host.output,
      input: host.input,
      clock: host.clock,
      signal: host.signal,
      get self() {
        return host.self();
      },
      commands: commandsOf(this.#personality.database),
      conceal: (secrets) => log.conceal(secrets),
      progress: (label, totalBytes) => log.progress(label, totalBytes),
    };
  }
}

function commandsOf(database: DatabaseKind): readonly Command[] {
  return COMMANDS.filter(({ databases }) => databases.includes(database));
}

function databaseOf(given: GivenValue | undefined): DatabaseKind | undefined {
  if (given === undefined) return undefined;
  const value = checkedValue(given.setting, given.value, given.name);
  return Object.values(DATABASE_WORDS).find((database) => database === value);
}
