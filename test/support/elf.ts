/** What an ELF header says. */
export interface ElfHeader {
  readonly offset: number;
  readonly machine: "x64" | "arm64" | number;
}

const MAGIC = Buffer.from("\x7fELF\x02\x01\x01", "latin1");
const HEADER_BYTES = 64;
const MACHINES: Readonly<Record<number, "x64" | "arm64">> = { 62: "x64", 183: "arm64" };
const EXECUTABLE = 2;
const SHARED = 3;

/**
 * Every 64-bit ELF image in a file, with its place: that of an executable itself, and those of
 * shared objects that it embeds. The magic alone may occur anywhere, so the fields that a linker
 * cannot choose must fit as well.
 *
 *   0 magic, class, byte order, version   16 u16 type   18 u16 machine   20 u32 version = 1
 *   52 u16 header size = 64   54 u16 size of a program header = 56
 *   58 u16 size of a section header = 64
 */
export function findElfImages(file: Buffer): readonly ElfHeader[] {
  const found: ElfHeader[] = [];
  for (let at = file.indexOf(MAGIC); at >= 0; at = file.indexOf(MAGIC, at + 1)) {
    if (at + HEADER_BYTES > file.length) break;
    const type = file.readUInt16LE(at + 16);
    const isHeader =
      (type === EXECUTABLE || type === SHARED) &&
      file.readUInt32LE(at + 20) === 1 &&
      file.readUInt16LE(at + 52) === HEADER_BYTES &&
      file.readUInt16LE(at + 54) === 56 &&
      file.readUInt16LE(at + 58) === 64;
    if (!isHeader) continue;
    const machine = file.readUInt16LE(at + 18);
    found.push({ offset: at, machine: MACHINES[machine] ?? machine });
  }
  return found;
}
