import { existsSync } from "node:fs";
import { SYSTEM_CLOCK } from "../base/clock.ts";
import { passwdEntry } from "../config/passwd.ts";
import { STDERR } from "./descriptor.ts";
import { STANDARD_INPUT } from "./input.ts";
import { STANDARD_OUTPUT } from "./output.ts";
import type { ProgramHost } from "./program.ts";

/** This process. A compiled program keeps the name of its call only in `argv0`. */
export function processHost(signal: AbortSignal): ProgramHost {
  const isCompiled = Bun.main.startsWith("/$bunfs/");
  return {
    argv0: isCompiled ? process.argv0 : "tidemark",
    words: process.argv.slice(2),
    environment: process.env,
    clock: SYSTEM_CLOCK,
    signal,
    output: STANDARD_OUTPUT,
    input: STANDARD_INPUT,
    stderr: STDERR,
    home: () => passwdEntry(process.geteuid?.() ?? 0)?.home,
    self: () => (isCompiled ? [executablePath()] : [process.execPath, Bun.main]),
  };
}

/** As it was called, links not followed, since a package may move what the link leads to. */
function executablePath(): string {
  const { argv0 } = process;
  if (argv0.startsWith("/")) return argv0;
  const path = argv0.includes("/") ? `${process.cwd()}/${argv0}` : Bun.which(argv0);
  return path !== null && existsSync(path) ? path : process.execPath;
}
