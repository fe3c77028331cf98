/** S3 takes no more parts of one object. */
export const PARTS_MAX = 10_000;
const MIB = 1024 * 1024;
/** Some services want parts of one size; sizes grow only for objects past so many parts. */
const PARTS_OF_ONE_SIZE = 2_000;
/** Parts in flight that make a connection busy; more of them would only make each smaller. */
const PARTS_IN_FLIGHT = 4;

export interface PartSizing {
  readonly partBytesMin: number;
  /** `S3_MAX_PART_SIZE`: an upper bound within the budget. */
  readonly partBytesMax: number;
  readonly budgetBytes: number;
  readonly concurrencyMax: number;
}

/**
 * The size of each part. An object of known size is cut evenly into at most 10,000 parts; for an
 * unknown size the parts double after every 2,000, up to the whole budget.
 */
export function partSizes(
  sizing: PartSizing,
  sizeBytes: number | undefined,
): (partNumber: number) => number {
  const inFlight = Math.min(sizing.concurrencyMax, PARTS_IN_FLIGHT);
  const shareBytes = Math.floor(sizing.budgetBytes / inFlight / MIB) * MIB;
  const usualBytes = Math.max(sizing.partBytesMin, Math.min(sizing.partBytesMax, shareBytes));
  if (sizeBytes !== undefined) {
    const evenBytes = Math.ceil(sizeBytes / PARTS_MAX / MIB) * MIB;
    return () => Math.max(usualBytes, evenBytes);
  }
  const limitBytes = Math.max(usualBytes, sizing.budgetBytes);
  return (partNumber) => {
    const doublings = Math.floor((partNumber - 1) / PARTS_OF_ONE_SIZE);
    return Math.min(limitBytes, usualBytes * 2 ** doublings);
  };
}
