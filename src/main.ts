import { processHost } from "./cli/process-host.ts";
import { Program } from "./cli/program.ts";
import { abortOnSignals } from "./cli/signals.ts";

const program = new Program(processHost(abortOnSignals((exitCode) => process.exit(exitCode))));
const failUnseen = async (error: unknown) => process.exit(await program.fail(error));
process.on("uncaughtException", failUnseen);
process.on("unhandledRejection", failUnseen);
process.exit(await program.run());
