import { ConnectionError } from "./errors.ts";

/** A header that holds a whole number. */
export function wholeHeader(value: string | null | undefined): number | undefined {
  return value !== null && value !== undefined && /^\d{1,16}$/.test(value)
    ? Number(value)
    : undefined;
}

/** Which bytes of how many an answer to GET holds, by its status and headers. */
export function contentRangeOf(
  status: number,
  headers: { readonly length: number | undefined; readonly range: string | null | undefined },
): { readonly range: { offset: number; length: number }; readonly totalBytes: number } {
  if (status !== 206) {
    if (headers.length === undefined) throw new ConnectionError("the answer does not say its size");
    return { range: { offset: 0, length: headers.length }, totalBytes: headers.length };
  }
  // Of an empty object some servers answer "bytes 0--1/0" to whatever was asked.
  const match = /^bytes (\d{1,16})-(\d{1,16}|-1)\/(\d{1,16})$/.exec(headers.range ?? "");
  if (match === null) throw new ConnectionError("the answer does not say which range it holds");
  const [first, last, totalBytes] = match.slice(1).map(Number) as [number, number, number];
  return { range: { offset: first, length: last - first + 1 }, totalBytes };
}

/**
 * Every answer of S3 that stands for an object has its entity tag. One without is not the
 * service's, but of something on the way, and must pass neither for stored bytes nor for success.
 */
export function requireEtag(value: string | null | undefined): string {
  if (value === null || value === undefined || value === "") {
    throw new ConnectionError("the answer has no entity tag");
  }
  return value;
}
