import { CorruptObjectError } from "../base/errors.ts";
import type { CodecName } from "../codec/codec.ts";
import { codecOfExtension } from "../codec/registry.ts";

/** The name of a part without its codec's extension, and the codec. */
export interface PartName {
  readonly name: string;
  readonly codec: CodecName;
}

/**
 * `tar_partitions/part_001.tar.zst` → `tar_partitions/part_001.tar`, zstd. What follows the last
 * dot decides, as for WAL-G: nothing (a bare trailing dot, of one release) and `tar` are stored
 * plain; its copy composer doubles that one (`copy_0.tar.tar`).
 */
export function parsePartName(stored: string): PartName {
  const base = stored.slice(stored.lastIndexOf("/") + 1);
  const dot = base.lastIndexOf(".");
  const extension = dot === -1 ? "" : base.slice(dot + 1);
  const stem = dot === -1 ? stored : stored.slice(0, stored.length - base.length + dot);
  if (extension === "tar") return { name: stem.endsWith(".tar") ? stem : stored, codec: "none" };
  const codec = codecOfExtension(extension);
  if (codec === undefined) {
    throw new CorruptObjectError(stored, `has the unknown extension ${JSON.stringify(extension)}`, {
      hint: "It was not written by WAL-G or tidemark, or by a newer version.",
    });
  }
  return { name: stem, codec };
}
