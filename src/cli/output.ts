import { CanceledError, errnoOf } from "../base/errors.ts";
import type { Output } from "../command/command.ts";
import { STDOUT, writeAll } from "./descriptor.ts";

/** Stdout. A reader that went away (`… | head -1`) ends the command without a message. */
export const STANDARD_OUTPUT: Output = {
  write: (text) => writeOut(new TextEncoder().encode(text)),
  writeBytes: async (bytes) => writeOut(bytes),
};

function writeOut(bytes: Uint8Array): void {
  try {
    writeAll(STDOUT, bytes);
  } catch (error) {
    throw errnoOf(error) === "EPIPE" ? new CanceledError("SIGPIPE") : error;
  }
}
