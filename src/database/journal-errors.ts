import { ToolError } from "../base/errors.ts";

/** Different content is stored under the file's name. */
export class JournalConflictError extends ToolError {
  readonly key: string;

  constructor(path: string, key: string) {
    super({
      code: "object-exists",
      message: `WAL file '${path}' already archived, contents differ, unable to overwrite`,
      hint:
        `The stored object is ${key}. Two clusters may archive to one place: give this one ` +
        "a prefix of its own.",
    });
    this.key = key;
  }
}

/** Every configured storage answered, and none has the file. */
export class JournalNotFoundError extends ToolError {
  constructor(name: string) {
    super({ code: "journal-not-found", message: `Archive '${name}' does not exist.` });
  }
}

/** The file is missing although the archive goes on after it. */
export class JournalHoleError extends ToolError {
  constructor(name: string, proof: string) {
    super({
      code: "journal-hole",
      message: `${name} is missing in the archive: ${proof}`,
      hint: "Recovery cannot pass this point; look for the file on the server or a standby.",
    });
  }
}

/** Two objects stand for one file, and their contents differ. */
export class AmbiguousJournalError extends ToolError {
  constructor(name: string, keys: readonly string[]) {
    super({
      code: "object-exists",
      message: `${name} is stored with different contents: ${keys.join(", ")}`,
      hint: "Find out which one belongs to this cluster, and remove the other.",
    });
  }
}
