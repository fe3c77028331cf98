import type { ByteRange } from "./driver.ts";
import { InvalidRangeError } from "./errors.ts";
import type { ObjectKey } from "./object-key.ts";

/** Where to read an object of `sizeBytes`; a range past its end is an error, never cut. */
export function resolveRange(
  range: ByteRange | undefined,
  sizeBytes: number,
  object: { readonly storage: string; readonly key: ObjectKey },
): ByteRange {
  if (range === undefined) return { offset: 0, length: sizeBytes };
  if (!isRange(range) || range.offset + range.length > sizeBytes) {
    const detail = `${range.length} bytes at ${range.offset} of ${sizeBytes}`;
    throw new InvalidRangeError({ ...object, detail });
  }
  return range;
}

function isRange({ offset, length }: ByteRange): boolean {
  return Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
}
