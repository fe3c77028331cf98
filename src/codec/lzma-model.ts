/**
 * What reader and writer of LZMA share: the probabilities and the states of the format (LZMA
 * specification, "LZMA alone").
 *
 * header: properties (1: (pb * 5 + lp) * 9 + lc) | dictionary bytes (4, little endian)
 *         | plain bytes (8, little endian; all ones: unknown, an end marker follows the data)
 * data:   one range-coded stream
 */
import { CorruptObjectError } from "../base/errors.ts";

export const HEADER_BYTES = 13;
export const PROBABILITY_BITS = 11;
export const PROBABILITY_START = 1 << (PROBABILITY_BITS - 1);
export const PROBABILITY_SHIFT = 5;
export const MATCH_BYTES_MIN = 2;
export const MATCH_BYTES_MAX = 273;
export const ALIGN_BITS = 4;
/** Distance slots below it hold their distance in probabilities alone. */
export const DISTANCE_SLOT_MODELED_END = 14;

const STATES = 12;
const POSITION_STATES = 16;
const LENGTH_SYMBOLS_LOW = POSITION_STATES << 3;
const LENGTH_MODEL_SIZE = 2 + 2 * LENGTH_SYMBOLS_LOW + 256;

/** Offsets into the array of probabilities. */
export const IS_MATCH = 0;
export const IS_REP = IS_MATCH + STATES * POSITION_STATES;
export const IS_REP_G0 = IS_REP + STATES;
export const IS_REP_G1 = IS_REP_G0 + STATES;
export const IS_REP_G2 = IS_REP_G1 + STATES;
export const IS_REP0_LONG = IS_REP_G2 + STATES;
export const DISTANCE_SLOT = IS_REP0_LONG + STATES * POSITION_STATES;
export const DISTANCE_SPECIAL = DISTANCE_SLOT + 4 * 64;
export const DISTANCE_ALIGN = DISTANCE_SPECIAL + 128;
export const MATCH_LENGTH = DISTANCE_ALIGN + (1 << ALIGN_BITS);
export const REP_LENGTH = MATCH_LENGTH + LENGTH_MODEL_SIZE;
export const LITERAL = REP_LENGTH + LENGTH_MODEL_SIZE;

/** Offsets inside a length's model. */
export const LENGTH_CHOICE = 0;
export const LENGTH_CHOICE_2 = 1;
export const LENGTH_LOW = 2;
export const LENGTH_MIDDLE = LENGTH_LOW + LENGTH_SYMBOLS_LOW;
export const LENGTH_HIGH = LENGTH_MIDDLE + LENGTH_SYMBOLS_LOW;

export interface LzmaProperties {
  /** Bits of the previous byte, and of the position, that choose a literal's probabilities. */
  readonly literalContextBits: number;
  readonly literalPositionBits: number;
  readonly positionBits: number;
  readonly dictionaryBytes: number;
  /** undefined: an end marker ends the data. */
  readonly plainBytes: number | undefined;
}

export function newProbabilities(properties: LzmaProperties): Uint16Array {
  const literals = 0x300 << (properties.literalContextBits + properties.literalPositionBits);
  return new Uint16Array(LITERAL + literals).fill(PROBABILITY_START);
}

/** States 0–6: the last symbol was a literal; 7–11: a match. */
export function stateAfterLiteral(state: number): number {
  if (state < 4) return 0;
  return state < 10 ? state - 3 : state - 6;
}

export function stateAfterMatch(state: number): number {
  return state < 7 ? 7 : 10;
}

export function stateAfterRep(state: number): number {
  return state < 7 ? 8 : 11;
}

export function stateAfterShortRep(state: number): number {
  return state < 7 ? 9 : 11;
}

export function encodeHeader(properties: LzmaProperties): Uint8Array {
  const { literalContextBits, literalPositionBits, positionBits } = properties;
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[0] = (positionBits * 5 + literalPositionBits) * 9 + literalContextBits;
  view.setUint32(1, properties.dictionaryBytes, true);
  view.setBigInt64(5, BigInt(properties.plainBytes ?? -1), true);
  return bytes;
}

export function decodeHeader(bytes: Uint8Array): LzmaProperties {
  if (bytes.byteLength < HEADER_BYTES) throw corruptLzma("input ends inside the header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const code = view.getUint8(0);
  const plainBytes = view.getBigInt64(5, true);
  if (code >= 9 * 5 * 5) throw corruptLzma("the header is not valid");
  if (plainBytes < -1n || plainBytes > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw corruptLzma("the header names an impossible size");
  }
  return {
    literalContextBits: code % 9,
    literalPositionBits: Math.floor(code / 9) % 5,
    positionBits: Math.floor(code / 45),
    dictionaryBytes: view.getUint32(1, true),
    plainBytes: plainBytes === -1n ? undefined : Number(plainBytes),
  };
}

export function corruptLzma(detail: string): CorruptObjectError {
  return new CorruptObjectError("lzma data", detail);
}
