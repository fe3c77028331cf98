import { holdBackCompiler } from "./base/compiler-policy.ts";
import { processHost } from "./cli/process-host.ts";
import { Program } from "./cli/program.ts";
import { abortOnSignals, PROCESS_SIGNALS } from "./cli/signals.ts";

holdBackCompiler();
const signal = abortOnSignals(PROCESS_SIGNALS, (exitCode) => process.exit(exitCode));
const program = new Program(processHost(signal));
const failUnseen = async (error: unknown) => process.exit(await program.fail(error));
process.on("uncaughtException", failUnseen);
process.on("unhandledRejection", failUnseen);
process.exit(await program.run());
