import { readFileSync } from "node:fs";
import type { TarHeader } from "../../src/tar/header.ts";

/** Of a tar, by plain reading: none of our own code is asked. */
export interface RawTarEntry {
  readonly name: string;
  readonly type: string;
  readonly magic: string;
  readonly sizeBytes: number;
}

const BLOCK_BYTES = 512;

/** Runs a tool of the system on bytes. */
export function byTool(command: readonly string[], input: Uint8Array): Buffer {
  const result = Bun.spawnSync([...command], { stdin: input, stdout: "pipe", stderr: "pipe" });
  if (result.exitCode !== 0) throw new Error(`${command.join(" ")}: ${result.stderr.toString()}`);
  return result.stdout;
}

/** A stored part as plain bytes, by the tool of its format. */
export function unpackByTool(path: string): Buffer {
  const bytes = readFileSync(path);
  if (path.endsWith(".zst")) {
    byTool(["zstd", "--test", "--quiet"], bytes);
    return byTool(["zstd", "--decompress", "--stdout", "--quiet"], bytes);
  }
  if (path.endsWith(".lz4")) return byTool(["lz4", "-d", "-c", "-q"], bytes);
  if (path.endsWith(".br")) return byTool(["brotli", "-d", "-c"], bytes);
  if (path.endsWith(".lzma")) return byTool(["xz", "--format=lzma", "-d", "-c"], bytes);
  if (path.endsWith(".tar")) return bytes;
  throw new Error(`${path}: what is it?`);
}

/** Headers as they lie in the tar, PAX records applied; fails on whatever WAL-G would not read. */
export function tarEntries(tar: Buffer): readonly RawTarEntry[] {
  if (tar.byteLength % BLOCK_BYTES !== 0) throw new Error(`a tar of ${tar.byteLength} bytes`);
  const entries: RawTarEntry[] = [];
  let paxName: string | undefined;
  let at = 0;
  for (; tar.subarray(at, at + BLOCK_BYTES).some((byte) => byte !== 0); ) {
    const header = tar.subarray(at, at + BLOCK_BYTES);
    const text = (from: number, to: number) => header.toString("utf8", from, to).split("\0")[0];
    const sizeBytes = Number.parseInt(text(124, 136) ?? "", 8);
    const type = text(156, 157) ?? "";
    const sum = header.reduce((total, byte, index) => {
      return total + (index >= 148 && index < 156 ? 32 : byte);
    }, 0);
    if (Number.parseInt(text(148, 156) ?? "", 8) !== sum) throw new Error(`wrong sum at ${at}`);
    const content = tar.subarray(at + BLOCK_BYTES, at + BLOCK_BYTES + sizeBytes);
    if (type === "x") {
      paxName = /\d+ path=(.*)\n/.exec(content.toString("utf8"))?.[1];
    } else {
      const prefix = text(345, 500) ?? "";
      const base = text(0, 100) ?? "";
      const name = paxName ?? (prefix === "" ? base : `${prefix}/${base}`);
      entries.push({ name, type, magic: header.toString("latin1", 257, 265), sizeBytes });
      paxName = undefined;
    }
    at += BLOCK_BYTES + Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
  }
  const endBytes = tar.byteLength - at;
  if (endBytes !== 2 * BLOCK_BYTES) throw new Error(`the tar ends with ${endBytes} bytes`);
  return entries;
}

/** A header of a plain file, for tests that make tars. */
export function rawTarHeader(name: string, sizeBytes: number): TarHeader {
  return {
    name,
    kind: "file",
    sizeBytes,
    mode: 0o600,
    uid: 0,
    gid: 0,
    userName: "",
    groupName: "",
    modifiedAtSeconds: 1_700_000_000,
    linkName: "",
  };
}
