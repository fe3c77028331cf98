import { crc32c } from "../../base/crc32c.ts";
import { CorruptObjectError } from "../../base/errors.ts";
import type { ChangeSink } from "../../delta/change-sink.ts";
import { DeltaMapReader, encodeDeltaMap } from "../../delta/delta-map.ts";
import { toLsn } from "../../delta/lsn.ts";
import type { SegmentEdges } from "../../wal/segment-blocks.ts";

/*
 * What one WAL segment adds to a delta map, kept on the server's machine until the map's other
 * segments have come. Little endian:
 *
 *   0  u32  "TDP1"
 *   4  u32  flags: 1 the tail ends in this segment, 2 the record before it was given up
 *   8  u32  major version of the server
 *  12  u64  LSN of the segment's first byte
 *  20  u32  length of the tail
 *  24  u32  length of the head
 *  28       tail, head, delta map without a rest
 *      u32  CRC-32C of all before
 *
 * A piece that is torn by a crash, or being written at this moment, fails its CRC: no temporary
 * name and no fsync is needed for what can be made again.
 */

const MAGIC = 0x31504454;
const HEADER_BYTES = 28;
const CRC_BYTES = 4;
const ENDS_TAIL = 1;
const IS_OVERWRITE = 2;

/** Words as `DeltaMap` has them. */
export function encodePiece(
  edges: SegmentEdges,
  changes: { readonly blocks: Uint32Array; readonly limits: Uint32Array },
): Uint8Array {
  const { tail, head } = edges;
  const { blocks, limits } = changes;
  const map = encodeDeltaMap({ blocks, limits, rest: new Uint8Array(0) });
  const sizeBytes = HEADER_BYTES + tail.byteLength + head.byteLength + map.byteLength;
  const bytes = new Uint8Array(sizeBytes + CRC_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(
    4,
    (edges.endsTail ? ENDS_TAIL : 0) | (edges.isOverwrite ? IS_OVERWRITE : 0),
    true,
  );
  view.setUint32(8, edges.majorVersion, true);
  view.setBigUint64(12, edges.address, true);
  view.setUint32(20, tail.byteLength, true);
  view.setUint32(24, head.byteLength, true);
  bytes.set(tail, HEADER_BYTES);
  bytes.set(head, HEADER_BYTES + tail.byteLength);
  bytes.set(map, HEADER_BYTES + tail.byteLength + head.byteLength);
  view.setUint32(sizeBytes, crc32c(bytes.subarray(0, sizeBytes)), true);
  return bytes;
}

/** A piece whose CRC is right. */
export interface SegmentPiece {
  readonly edges: SegmentEdges;
  /** Tells the sink of the records that lie in the segment. */
  tell(sink: ChangeSink): void;
}

/** `name` is for errors. */
export function decodePiece(name: string, bytes: Uint8Array): SegmentPiece {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.byteLength - CRC_BYTES;
  const isWhole =
    end >= HEADER_BYTES &&
    view.getUint32(0, true) === MAGIC &&
    view.getUint32(end, true) === crc32c(bytes.subarray(0, end));
  if (!isWhole) throw new CorruptObjectError(name, "is not a whole piece of a delta map");
  const flags = view.getUint32(4, true);
  const headAt = HEADER_BYTES + view.getUint32(20, true);
  const mapAt = headAt + view.getUint32(24, true);
  return {
    edges: {
      majorVersion: view.getUint32(8, true),
      address: toLsn(view.getBigUint64(12, true)),
      tail: bytes.subarray(HEADER_BYTES, headAt),
      endsTail: (flags & ENDS_TAIL) !== 0,
      isOverwrite: (flags & IS_OVERWRITE) !== 0,
      head: bytes.subarray(headAt, mapAt),
    },
    tell(sink) {
      const reader = new DeltaMapReader(name, sink);
      reader.update(bytes.subarray(mapAt, end));
      reader.finish();
    },
  };
}
