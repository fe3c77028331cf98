import type { FileMark } from "./file-mark.ts";

/** Marks of one block of the columns. */
const BLOCK_MARKS = 1 << 16;

const KINDS = ["none", "identity", "content"] as const;

interface Block {
  readonly states: BigUint64Array;
  readonly values: BigUint64Array;
  readonly kinds: Uint8Array;
}

/**
 * The marks of millions of files, by number, in 17 bytes each: columns that grow by blocks, since
 * a list that doubles is in memory twice.
 */
export class MarkColumns {
  readonly #blocks: Block[] = [];

  set(number: number, mark: FileMark): void {
    const index = Math.floor(number / BLOCK_MARKS);
    const block = this.#blocks[index] ?? newBlock();
    this.#blocks[index] = block;
    const at = number % BLOCK_MARKS;
    block.states[at] = mark.state;
    block.values[at] = mark.value;
    block.kinds[at] = KINDS.indexOf(mark.kind);
  }

  /** `NO_MARK` where none was set. */
  get(number: number): FileMark {
    const block = this.#blocks[Math.floor(number / BLOCK_MARKS)];
    const at = number % BLOCK_MARKS;
    return {
      state: block?.states[at] ?? 0n,
      kind: KINDS[block?.kinds[at] ?? 0] ?? "none",
      value: block?.values[at] ?? 0n,
    };
  }

  /** What is kept in memory. */
  heldBytes(): number {
    return this.#blocks.length * BLOCK_MARKS * (8 + 8 + 1);
  }
}

function newBlock(): Block {
  return {
    states: new BigUint64Array(BLOCK_MARKS),
    values: new BigUint64Array(BLOCK_MARKS),
    kinds: new Uint8Array(BLOCK_MARKS),
  };
}
