import { readFileSync } from "node:fs";
import { join } from "node:path";
import { removeTree } from "../../src/base/remove-tree.ts";

export interface ServerProcessOptions {
  /** For the error of a start that failed. */
  readonly name: string;
  readonly argv: readonly string[];
  /** Its own folder, for its data and what it prints; removed when it is stopped. */
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A server that ends with this process at the latest. */
export interface ServerProcess {
  readonly child: Bun.Subprocess;
  stop(): Promise<void>;
}

/** Starts a server; when `untilReady` throws, it is stopped, and the error shows what it said. */
export async function startServerProcess(
  { name, argv, dir, env }: ServerProcessOptions,
  untilReady: (child: Bun.Subprocess) => Promise<void>,
): Promise<ServerProcess> {
  const [output, errors] = [join(dir, "log"), join(dir, "errors")];
  const child = Bun.spawn(["setpriv", "--pdeathsig", "SIGKILL", ...argv], {
    cwd: dir,
    env: { ...env },
    stdin: "ignore",
    stdout: Bun.file(output),
    stderr: Bun.file(errors),
  });
  const stop = async () => {
    child.kill("SIGKILL");
    await child.exited;
    removeTree(dir);
  };
  try {
    await untilReady(child);
  } catch (error) {
    const said = `${readFileSync(output, "utf8")}${readFileSync(errors, "utf8")}`;
    await stop();
    throw new Error(`${name} did not start: ${said.slice(-2000)}`, { cause: error });
  }
  return { child, stop };
}
