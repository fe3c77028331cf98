import { ToolError, UsageError } from "../base/errors.ts";
import { parseDurationMs, parseWhole } from "../config/parse.ts";
import { appearing } from "../storage/wrap/appearing.ts";
import type { CopyWay } from "../transfer/object-copy.ts";
import type { Repository } from "../transfer/repository.ts";
import type { Invocation } from "./command.ts";
import { openNamedRepository, type Purpose } from "./context.ts";
import { ALL_TARGETS, targetOf } from "./st-storage.ts";

/** What every form of `st transfer` moves things with. */
export interface Transfer {
  readonly source: Repository;
  readonly target: Repository;
  readonly way: CopyWay;
  readonly includesPresent: boolean;
  readonly preserves: boolean;
  readonly concurrencyMax: number;
  readonly objectsMax: number;
  readonly signal: AbortSignal;
  readonly onFailure: (error: ToolError) => void;
}

/**
 * Opens both storages and moves things between them. As by WAL-G failures are logged and counted,
 * and the rest is moved; with `--fail-fast` the first one ends it.
 */
export async function betweenNamed(
  invocation: Invocation,
  move: (transfer: Transfer) => Promise<void>,
): Promise<void> {
  const { options, settings, clock, log, signal } = invocation;
  const flags = readFlags(invocation);
  const open = (purpose: Purpose, name: string) =>
    openNamedRepository(invocation, purpose, { name, rateKey: "NETWORK_RATE_LIMIT" });
  await using source = await open(flags.preserves ? "read" : "write", flags.source);
  await using opened = await open("write", flags.target);
  const { checksMax, intervalMs } = flags;
  const driver = appearing(opened.driver, { checksMax, intervalMs, clock, log });
  const failures: ToolError[] = [];
  await move({
    ...flags,
    source,
    target: { ...opened, driver },
    way: {
      from: source.driver,
      to: driver,
      rules: { mayReplace: flags.includesPresent, trustsSizes: false },
      retriesMax: settings.whole("DOWNLOAD_FILE_RETRIES") ?? 0,
      clock,
      log,
    },
    signal,
    onFailure: (error) => {
      if (options.flag("fail-fast")) throw error;
      log.error(error.message);
      failures.push(error);
    },
  });
  const [first] = failures;
  if (first === undefined) return;
  throw new ToolError({
    code: first.code,
    message: `finished with ${failures.length} errors`,
    hint: first.hint,
    cause: first,
  });
}

function readFlags(invocation: Invocation) {
  const { options } = invocation;
  const source = (options.text("source") ?? "").toLowerCase();
  const target = targetOf(invocation);
  if (source === "") throw invalid("source storage must be specified");
  for (const [name, what] of [
    [source, "source"],
    [target, "target"],
  ] as const) {
    if (name !== ALL_TARGETS) continue;
    throw invalid(`an explicit ${what} storage must be specified instead of 'all'`);
  }
  if (source === target) throw invalid("source and target storages must be different");
  const concurrencyMax = countOf(invocation, "concurrency", 10);
  if (concurrencyMax < 1) throw invalid("concurrency level must be >= 1 (which turns it off)");
  const interval = options.text("appearance-checks-interval") ?? "1s";
  const intervalMs = parseDurationMs(interval);
  if (intervalMs === undefined) {
    throw invalid(`--appearance-checks-interval ${JSON.stringify(interval)} is no duration`);
  }
  return {
    source,
    target,
    concurrencyMax,
    intervalMs,
    checksMax: countOf(invocation, "appearance-checks", 3),
    objectsMax: countOf(invocation, "max-files", Number.POSITIVE_INFINITY),
    includesPresent: options.flag("overwrite"),
    preserves: options.flag("preserve"),
  };
}

/** A flag that is a count. */
export function countOf(
  { options }: Pick<Invocation, "options">,
  name: string,
  usual: number,
): number {
  const text = options.text(name);
  const value = text === undefined ? usual : parseWhole(text);
  if (value !== undefined && value >= 0) return value;
  throw invalid(`--${name} ${JSON.stringify(text)} is not a count`);
}

function invalid(what: string): UsageError {
  return new UsageError(`invalid flags: ${what}`);
}
