import { writeSync } from "node:fs";

export const STDOUT = 1;
export const STDERR = 2;

/**
 * Writes all of it before it returns. By descriptor, as the runtime's own streams cost start-up
 * and may lose their end at exit; a pipe that another process made non-blocking is waited for.
 */
export function writeAll(descriptor: number, bytes: Uint8Array): void {
  let position = 0;
  while (position < bytes.byteLength) {
    try {
      position += writeSync(descriptor, bytes, position);
    } catch (error) {
      if (!(error instanceof Error) || !("code" in error) || error.code !== "EAGAIN") throw error;
      Bun.sleepSync(1);
    }
  }
}

export function writeText(descriptor: number, text: string): void {
  writeAll(descriptor, new TextEncoder().encode(text));
}
