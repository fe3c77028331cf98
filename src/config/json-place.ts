/**
 * Where a text that is no JSON stops being JSON, as an offset. The runtime's parser does not
 * tell, and a person with a broken file needs to know.
 */
export function findJsonFault(text: string): number {
  const scanner = new JsonScanner(text);
  scanner.space();
  if (scanner.value()) scanner.space();
  return scanner.position;
}

const STRING = /"(?:(?!\p{Cc})[^"\\]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const SPACE = /[ \t\r\n]*/y;

class JsonScanner {
  readonly #text: string;
  position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  space(): void {
    this.#take(SPACE);
  }

  value(): boolean {
    const first = this.#text[this.position];
    if (first === "{") return this.#items("}", () => this.#member());
    if (first === "[") return this.#items("]", () => this.value());
    return this.#take(first === '"' ? STRING : WORD) || this.#take(NUMBER);
  }

  #member(): boolean {
    if (!this.#take(STRING)) return false;
    this.space();
    if (!this.#character(":")) return false;
    this.space();
    return this.value();
  }

  #items(end: string, item: () => boolean): boolean {
    this.position++;
    this.space();
    if (this.#character(end)) return true;
    for (;;) {
      if (!item()) return false;
      this.space();
      if (this.#character(end)) return true;
      if (!this.#character(",")) return false;
      this.space();
    }
  }

  #character(wanted: string): boolean {
    if (this.#text[this.position] !== wanted) return false;
    this.position++;
    return true;
  }

  #take(pattern: RegExp): boolean {
    pattern.lastIndex = this.position;
    if (!pattern.test(this.#text)) return false;
    this.position = pattern.lastIndex;
    return true;
  }
}
