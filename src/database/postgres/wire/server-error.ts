import { ToolError } from "../../../base/errors.ts";

/** What the server says about an error or a notice. */
export interface ServerReport {
  /** ERROR, FATAL, PANIC, WARNING, NOTICE, …: never translated. */
  readonly severity: string;
  /** Five characters: `57P01`. */
  readonly sqlState: string;
  readonly message: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
}

/** The server refused, failed or is gone. Never holds a password. */
export class DatabaseError extends ToolError {
  /** What the server said; undefined when the connection itself failed. */
  readonly report: ServerReport | undefined;

  constructor(
    message: string,
    options: {
      readonly report?: ServerReport | undefined;
      readonly hint?: string | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super({ code: "database", message, hint: options.hint, cause: options.cause });
    this.report = options.report;
  }

  get sqlState(): string | undefined {
    return this.report?.sqlState;
  }

  /** An error that the server reported on the connection named `where`. */
  static ofReport(where: string, report: ServerReport): DatabaseError {
    const detail = report.detail === undefined ? "" : ` (${report.detail})`;
    return new DatabaseError(
      `${where}: ${report.severity.toLowerCase()} ${report.sqlState}: ${report.message}${detail}`,
      { report, hint: report.hint },
    );
  }
}
