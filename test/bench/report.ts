import { cpus, release, totalmem } from "node:os";
import type { Result } from "./measure.ts";

/** One table of `docs/benchmarks.md`. */
export interface BenchTable {
  readonly title: string;
  /** What was run on what, in a sentence or two. */
  readonly note: string;
  readonly results: readonly Result[];
  /** The contestant that ratios are given to. */
  readonly reference: string;
  /** Where each contestant has one of its own: that one's name. */
  readonly referenceOf?: (contestant: string) => string;
  /** Bounds that the project has set itself: `wall ≤ 0.5`, of which contestant. */
  readonly goals: readonly Goal[];
}

export interface Goal {
  readonly contestant: string;
  readonly figure: "wall" | "cpu" | "rss" | "read" | "stored";
  /** Ratio to the reference, or MiB for `rss`. */
  readonly max: number;
  /** Instead of the table's reference: another contestant, or a number of bytes. */
  readonly of?: string | { readonly name: string; readonly bytes: number };
}

export interface Machine {
  readonly versions: readonly string[];
}

/** The whole page: machine, versions, and a table each. */
export function renderReport(tables: readonly BenchTable[], machine: Machine, now: Date): string {
  const processor = cpus()[0]?.model ?? "unknown processor";
  const memoryGiB = Math.round(totalmem() / (1 << 30));
  return [
    "# Benchmarks",
    "",
    "Written by `bun run bench`. Contestants run in turn in one run, so compare the ratios: each",
    "is the median of the ratios round by round. CPU counts the whole process tree; memory is the",
    "largest process.",
    "",
    `${now.toISOString().slice(0, 10)}, ${cpus().length} × ${processor}, ${memoryGiB} GiB, ` +
      `Linux ${release()}.`,
    "",
    ...machine.versions.map((version) => `- ${version}`),
    "",
    ...tables.flatMap(renderTable),
  ].join("\n");
}

function renderTable(table: BenchTable): readonly string[] {
  const { reference, referenceOf = () => reference } = table;
  const hasServers = table.results.some(({ measures }) => measures[0]?.serverCpuMs !== undefined);
  const optional = hasServers ? ["server's CPU, s"] : ["read, MiB", "stored, MiB"];
  const columns = [
    ...["", "wall, s (min–max)", "CPU, s", "peak RSS, MiB", ...optional],
    ...[`wall ÷ ${reference}`, `CPU ÷ ${reference}`],
  ];
  const referenceFor = (result: Result) =>
    table.results.find(({ name }) => name === referenceOf(result.name));
  return [
    `## ${table.title}`,
    "",
    table.note,
    "",
    `| ${columns.join(" | ").trimStart()} |`,
    `${"|---".repeat(columns.length)}|`,
    ...table.results.map((result) => renderRow(result, referenceFor(result), hasServers)),
    "",
    ...table.goals.map((goal) => renderGoal(table, goal)),
    "",
  ];
}

function renderRow(result: Result, reference: Result | undefined, hasServers: boolean): string {
  const wall = result.measures.map(({ wallMs }) => wallMs / 1000);
  const optional = hasServers
    ? [serverSeconds(result)]
    : [mebibytes(readBytes(result)), mebibytes(result.storedBytes)];
  const cells = [
    result.name,
    `${seconds(median(wall))} (${seconds(Math.min(...wall))}–${seconds(Math.max(...wall))})`,
    seconds(median(result.measures.map(({ cpuMs }) => cpuMs / 1000))),
    median(result.measures.map(({ peakRssMiB }) => peakRssMiB)).toFixed(0),
    ...optional,
    ratio(result, reference, "wallMs").toFixed(2),
    ratio(result, reference, "cpuMs").toFixed(2),
  ];
  return `| ${cells.join(" | ")} |`;
}

function renderGoal(table: BenchTable, goal: Goal): string {
  const result = table.results.find(({ name }) => name === goal.contestant);
  if (result === undefined) throw new Error(`no contestant ${goal.contestant}`);
  const of = goal.of ?? table.reference;
  const value = goalValue(table, result, goal);
  const verdict = value <= goal.max ? "reached" : "NOT reached";
  const unit = goal.figure === "rss" ? " MiB" : ` × ${typeof of === "string" ? of : of.name}`;
  const shown = goal.figure === "rss" ? value.toFixed(0) : value.toFixed(2);
  return `- ${goal.contestant}, ${goal.figure} ≤ ${goal.max}${unit}: **${shown}**, ${verdict}`;
}

function goalValue(table: BenchTable, result: Result, goal: Goal): number {
  const { figure, of = table.reference } = goal;
  if (figure === "rss") return Math.max(...result.measures.map(({ peakRssMiB }) => peakRssMiB));
  if (figure === "wall" || figure === "cpu") {
    const reference = table.results.find(({ name }) => name === of);
    return ratio(result, reference, figure === "wall" ? "wallMs" : "cpuMs");
  }
  if (typeof of === "string") throw new Error(`${figure} is compared with a number of bytes`);
  const bytes = figure === "read" ? readBytes(result) : result.storedBytes;
  return (bytes ?? Number.NaN) / of.bytes;
}

function readBytes(result: Result): number | undefined {
  const counts = result.measures.flatMap((one) => one.readBytes ?? []);
  return counts.length === 0 ? undefined : median(counts);
}

function serverSeconds(result: Result): string {
  const taken = result.measures.flatMap(({ serverCpuMs }) => serverCpuMs ?? []);
  return taken.length === 0 ? "–" : seconds(median(taken) / 1000);
}

function mebibytes(bytes: number | undefined): string {
  return bytes === undefined ? "–" : (bytes / (1 << 20)).toFixed(1);
}

/** Median of the ratios of runs of the same round. */
function ratio(result: Result, reference: Result | undefined, figure: "wallMs" | "cpuMs"): number {
  if (reference === undefined) throw new Error("no reference to compare with");
  return median(
    result.measures.map((own, round) => {
      const other = reference.measures[round];
      return other === undefined ? Number.NaN : own[figure] / other[figure];
    }),
  );
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function seconds(value: number): string {
  return value < 1 ? value.toFixed(3) : value.toFixed(2);
}
