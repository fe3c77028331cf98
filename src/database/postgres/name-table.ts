/** Names lie in blocks of this size; none is split. */
const BLOCK_BYTES = 1 << 20;
const BYTES_PER_CHAR_MAX = 3;
/** Slots of the index per name, at least: probes stay short. */
const SLOTS_PER_NAME = 2;

const EMPTY = -1;

/** A folder's number, seven bits to a byte. */
const FOLDER_BYTES_MAX = 5;

/**
 * Distinct names, numbered from 0 in the order in which they came. A million paths take some
 * 30 MiB: their bytes one behind the other, and a few numbers each, instead of an object each.
 * The folder of a path, which most share with many, is kept once, and its number in each.
 */
export class NameTable {
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #blocks: Uint8Array[] = [];
  readonly #folders: string[] = [];
  readonly #folderNumbers = new Map<string, number>();
  #usedBytes = BLOCK_BYTES;
  /** Where each name starts: block number × block size + offset in it. */
  #starts = new Uint32Array(1024);
  #lengths = new Uint16Array(1024);
  /** Kept: to make them again, each growth of the index would need a view of each name. */
  #hashes = new Uint32Array(1024);
  #size = 0;
  #slots = new Int32Array(4096).fill(EMPTY);
  #scratch = new Uint8Array(1024);
  #scratchBytes = 0;
  #scratchHash = 0;

  get size(): number {
    return this.#size;
  }

  /** The number of the name, new or known. */
  add(name: string): number {
    const folder = folderOf(name);
    if (!this.#folderNumbers.has(folder)) {
      this.#folderNumbers.set(folder, this.#folders.length);
      this.#folders.push(folder);
    }
    const slot = this.#slotOf(name);
    const known = this.#slots[slot] ?? EMPTY;
    if (known !== EMPTY) return known;
    const number = this.#append();
    this.#slots[slot] = number;
    if (this.#size * SLOTS_PER_NAME > this.#slots.length) this.#grow();
    return number;
  }

  /** undefined: the name was never added. */
  find(name: string): number | undefined {
    if (!this.#folderNumbers.has(folderOf(name))) return undefined;
    const number = this.#slots[this.#slotOf(name)] ?? EMPTY;
    return number === EMPTY ? undefined : number;
  }

  nameOf(number: number): string {
    const bytes = this.#bytesOf(number);
    let folder = 0;
    let used = 0;
    for (let byte = 0x80; byte >= 0x80; used += 1) {
      byte = bytes[used] ?? 0;
      folder += (byte & 0x7f) * 2 ** (7 * used);
    }
    return (this.#folders[folder] ?? "") + this.#decoder.decode(bytes.subarray(used));
  }

  /** The slot that holds the name, whose folder is known, or the empty one where it belongs. */
  #slotOf(name: string): number {
    const room = name.length * BYTES_PER_CHAR_MAX + FOLDER_BYTES_MAX;
    if (room > this.#scratch.byteLength) this.#scratch = new Uint8Array(room);
    const folder = folderOf(name);
    let used = 0;
    let rest = this.#folderNumbers.get(folder) ?? 0;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
      this.#scratch[used++] = (rest % 0x80) + 0x80;
    }
    this.#scratch[used++] = rest;
    const target = this.#scratch.subarray(used);
    this.#scratchBytes = used + this.#encoder.encodeInto(name.slice(folder.length), target).written;
    const wanted = this.#scratch.subarray(0, this.#scratchBytes);
    const mask = this.#slots.length - 1;
    this.#scratchHash = Bun.hash.xxHash32(wanted);
    let slot = this.#scratchHash & mask;
    for (;;) {
      const number = this.#slots[slot] ?? EMPTY;
      if (number === EMPTY || this.#isAt(number)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  /** Whether the name has the bytes in the scratch. */
  #isAt(number: number): boolean {
    if (this.#hashes[number] !== this.#scratchHash) return false;
    if (this.#lengths[number] !== this.#scratchBytes) return false;
    const bytes = this.#bytesOf(number);
    for (let index = this.#scratchBytes - 1; index >= 0; index--) {
      if (bytes[index] !== this.#scratch[index]) return false;
    }
    return true;
  }

  #bytesOf(number: number): Uint8Array {
    const start = this.#starts[number] ?? 0;
    const offset = start % BLOCK_BYTES;
    const block = this.#blocks[(start - offset) / BLOCK_BYTES];
    if (block === undefined || number >= this.#size) {
      throw new RangeError(`no name has the number ${number}`);
    }
    return block.subarray(offset, offset + (this.#lengths[number] ?? 0));
  }

  #append(): number {
    const sizeBytes = this.#scratchBytes;
    if (sizeBytes > 0xffff) throw new RangeError("a name of more than 65,535 bytes");
    if (this.#usedBytes + sizeBytes > BLOCK_BYTES) {
      if (this.#blocks.length === 2 ** 32 / BLOCK_BYTES) throw new RangeError("4 GiB of names");
      this.#blocks.push(new Uint8Array(BLOCK_BYTES));
      this.#usedBytes = 0;
    }
    const block = this.#blocks.at(-1);
    block?.set(this.#scratch.subarray(0, sizeBytes), this.#usedBytes);
    const number = this.#size;
    if (number === this.#starts.length) {
      this.#starts = enlarged(this.#starts, new Uint32Array(number * 2));
      this.#lengths = enlarged(this.#lengths, new Uint16Array(number * 2));
      this.#hashes = enlarged(this.#hashes, new Uint32Array(number * 2));
    }
    this.#starts[number] = (this.#blocks.length - 1) * BLOCK_BYTES + this.#usedBytes;
    this.#lengths[number] = sizeBytes;
    this.#hashes[number] = this.#scratchHash;
    this.#usedBytes += sizeBytes;
    this.#size += 1;
    return number;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(EMPTY);
    const mask = this.#slots.length - 1;
    for (let number = 0; number < this.#size; number++) {
      let slot = (this.#hashes[number] ?? 0) & mask;
      while (this.#slots[slot] !== EMPTY) slot = (slot + 1) & mask;
      this.#slots[slot] = number;
    }
  }
}

/** With the slash at its end; empty without one. */
function folderOf(name: string): string {
  return name.slice(0, name.lastIndexOf("/") + 1);
}

function enlarged<T extends Uint32Array | Uint16Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}
