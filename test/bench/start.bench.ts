import { binaryPath } from "../support/scratch.ts";
import { alternate, measureEach } from "./measure.ts";
import type { BenchTable } from "./report.ts";

const RUNS = 20;

/** What it costs to start the program at all, beside a program that does nothing. */
export async function benchStart(rounds: number): Promise<BenchTable> {
  const twenty = (argv: readonly string[]) =>
    measureEach(Array.from({ length: RUNS }, () => ({ argv })));
  const none = async () => {};
  return {
    title: "Start of the process",
    note: `${RUNS} processes one after the other; divide by ${RUNS}.`,
    results: await alternate(
      [
        {
          name: "tidemark --version",
          prepare: none,
          run: () => twenty([binaryPath(), "--version"]),
        },
        { name: "pgbackrest version", prepare: none, run: () => twenty(["pgbackrest", "version"]) },
        { name: "/bin/true", prepare: none, run: () => twenty(["/bin/true"]) },
      ],
      rounds,
    ),
    reference: "pgbackrest version",
    goals: [],
  };
}
