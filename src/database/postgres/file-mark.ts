import type { DirectoryEntry } from "./data-directory.ts";

/**
 * What a backup notes of a file beside WAL-G's facts, so that the next one can tell whether it is
 * still the same file with the same content. WAL-G's reader ignores the key.
 */
export interface FileMark {
  /**
   * Hash of inode, time of birth, size, and times of modification and change, as they were before
   * the file was read; 0n: they prove nothing.
   */
  readonly state: bigint;
  /** What `value` is: of a file that increments are made of its identity, of others their hash. */
  readonly kind: "none" | "identity" | "content";
  /** identity: hash of inode and time of birth; content: as in the receipts. */
  readonly value: bigint;
}

export const NO_MARK: FileMark = { state: 0n, kind: "none", value: 0n };

/** A change this close to the reading may be followed by another one with the same time. */
const SETTLED_NS = 2_000_000_000n;
const SECOND_NS = 1_000_000_000n;

type Stamps = Pick<
  DirectoryEntry,
  "inode" | "bornAtNs" | "changedAtNs" | "modifiedAtNs" | "sizeBytes"
>;

/**
 * Equal for a file as long as it is the same one: a file that was removed and made again, restored
 * or copied into place has another inode or another time of birth.
 */
export function identityOf(file: Stamps): bigint {
  return hashOf([file.inode, file.bornAtNs]);
}

/**
 * Equal only if nothing wrote to the file in between: the kernel sets the time of change, no call
 * can put it back, and a clock that was set back does not hit the same nanosecond again. 0n where
 * that does not hold: the change is too fresh or lies in the future, or the file system keeps
 * whole seconds.
 */
export function stateOf(file: Stamps, now: Date): bigint {
  const ageNs = BigInt(now.getTime()) * 1_000_000n - file.changedAtNs;
  if (ageNs < SETTLED_NS || file.changedAtNs % SECOND_NS === 0n) return 0n;
  return hashOf([
    file.inode,
    file.bornAtNs,
    BigInt(file.sizeBytes),
    file.modifiedAtNs,
    file.changedAtNs,
  ]);
}

function hashOf(facts: readonly bigint[]): bigint {
  const hash = BigInt(Bun.hash.xxHash3(new BigInt64Array(facts)));
  return hash === 0n ? 1n : hash;
}

/** Characters of the longest mark. */
export const MARK_CHARS_MAX = 33;

/** `<state>i<identity>`, `<state>h<hash>` or `<state>`, numbers in 16 hex digits. */
export function formatMark({ state, kind, value }: FileMark): string {
  if (kind === "none") return hex(state);
  return `${hex(state)}${kind === "identity" ? "i" : "h"}${hex(value)}`;
}

/** undefined: not a mark, or one of a later version. */
export function parseMark(text: string): FileMark | undefined {
  const match = /^([0-9a-f]{16})(?:([ih])([0-9a-f]{16}))?$/.exec(text);
  if (match === null) return undefined;
  const state = BigInt(`0x${match[1]}`);
  if (match[2] === undefined) return { state, kind: "none", value: 0n };
  const kind = match[2] === "i" ? "identity" : "content";
  return { state, kind, value: BigInt(`0x${match[3]}`) };
}

function hex(value: bigint): string {
  return value.toString(16).padStart(16, "0");
}
