import { ToolError } from "../base/errors.ts";

/** A journal file that is truncated, misnamed, of another cluster or of an unknown version. */
export class InvalidJournalError extends ToolError {
  /** The journal file's name. */
  readonly journal: string;

  constructor(journal: string, detail: string, hint?: string) {
    super({ code: "invalid-journal", message: `${journal}: ${detail}`, hint });
    this.journal = journal;
  }
}
