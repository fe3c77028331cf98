/** How much is printed: WAL-G's `WALG_LOG_LEVEL` ERROR, NORMAL, DEVEL. */
export type LogLevel = "error" | "warning" | "info" | "debug";
export type LogFacts = Readonly<Record<string, string | number | bigint | boolean | undefined>>;

/** Where progress and warnings go. Library code logs; only `cli` decides how it looks. */
export interface Logger {
  error(message: string, facts?: LogFacts): void;
  warning(message: string, facts?: LogFacts): void;
  info(message: string, facts?: LogFacts): void;
  debug(message: string, facts?: LogFacts): void;
}

const RANK: Readonly<Record<LogLevel, number>> = { error: 0, warning: 1, info: 2, debug: 3 };

/** A logger that hands each line at or above `level` to `write`. */
export function createLogger(
  level: LogLevel,
  write: (level: LogLevel, message: string, facts: LogFacts) => void,
): Logger {
  const at = (own: LogLevel) => (message: string, facts?: LogFacts) => {
    if (RANK[own] <= RANK[level]) write(own, message, facts ?? {});
  };
  return { error: at("error"), warning: at("warning"), info: at("info"), debug: at("debug") };
}

/** Drops everything: for code that is run where nobody reads. */
export const SILENT_LOGGER: Logger = createLogger("error", () => {});
