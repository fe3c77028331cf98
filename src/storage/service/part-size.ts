const MIB = 1024 * 1024;
/** Some services want parts of one size; sizes grow only for objects past so many parts. */
const PARTS_OF_ONE_SIZE = 2_000;
/** Parts of all objects that share the budget: while some are sent, others are filled. */
const PARTS_IN_BUDGET = { min: 4, max: 8 };
/** Objects that have room for all of their parts in it. */
const OBJECTS_IN_BUDGET = 2;

export interface PartSizing {
  /** The service takes no more parts of one object. */
  readonly partsMax: number;
  readonly partBytesMin: number;
  /** A setting: an upper bound within the budget. */
  readonly partBytesMax: number;
  readonly budgetBytes: number;
  /** Of one object, at once: that many keep a link busy, and other objects need theirs. */
  readonly partsInFlightMax: number;
}

/**
 * The size of each part. An object of known size goes in one when `partBytesMax` allows, else in
 * at most `partsMax` parts of one size; for an unknown size the parts double after every 2,000, up
 * to half the budget: two objects of one backup (a part, the receipts) must never wait for each
 * other.
 */
export function partSizes(
  sizing: PartSizing,
  sizeBytes: number | undefined,
): (partNumber: number) => number {
  // Who sends one part after the other gets larger ones instead.
  const { min, max } = PARTS_IN_BUDGET;
  const shares = Math.min(max, Math.max(min, OBJECTS_IN_BUDGET * sizing.partsInFlightMax));
  const shareBytes = Math.floor(sizing.budgetBytes / shares / MIB) * MIB;
  const usualBytes = Math.max(sizing.partBytesMin, Math.min(sizing.partBytesMax, shareBytes));
  if (sizeBytes !== undefined) {
    // What one request may hold goes in one: a segment needs no upload of parts.
    if (sizeBytes <= Math.min(sizing.partBytesMax, sizing.budgetBytes)) {
      return () => Math.max(usualBytes, sizeBytes);
    }
    const evenBytes = Math.ceil(sizeBytes / sizing.partsMax / MIB) * MIB;
    return () => Math.max(usualBytes, evenBytes);
  }
  const limitBytes = Math.max(usualBytes, Math.floor(sizing.budgetBytes / 2));
  return (partNumber) => {
    const doublings = Math.floor((partNumber - 1) / PARTS_OF_ONE_SIZE);
    return Math.min(limitBytes, usualBytes * 2 ** doublings);
  };
}
