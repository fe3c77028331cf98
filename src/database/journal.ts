import type { ByteSource } from "../stream/byte-stream.ts";

/** A journal file of the server, proven to be what its name says before a byte is stored. */
export interface JournalFile extends Disposable {
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  /** Replayable; throws when the content turns out not to be what the name says. */
  readonly source: ByteSource;
  /** Small files on which the server's history hangs: never replaced, whatever the settings. */
  readonly isIrreplaceable: boolean;
  /** Once the source has ended: the server has not filled the file, so more of it may follow. */
  isUnfinished(): boolean;
  /** false: the server took its name away, so what is read may be of the next file already. */
  isInPlace(): boolean;
}

/** What the server wants archived, and how it learns what was. */
export interface JournalQueue {
  readonly ahead: JournalAhead;
  /** Where a file of that name lies. */
  pathOf(name: string): string;
  /** Names that wait, the most urgent first; `except` is not among them. */
  waiting(except: string): readonly string[];
  /** Segments that the server keeps because they are not archived yet. */
  waitingSegmentCount(): number;
  /** Whether the server still wants the file archived. */
  isWaiting(name: string): boolean;
  /** Whether another run stored the file with the same settings; forgets it. */
  takeMark(name: string): boolean;
  /**
   * The same for a file that a run which is at work was to store, and that the server asks for
   * already.
   */
  takeAsked(name: string): boolean;
  /** Remembers that the file is stored, so that the server's own call finds it done. */
  mark(name: string): void;
}

/** The one process that stores waiting files before the server asks for them. */
export interface JournalAhead {
  /** undefined: somebody has it, so the process is at work or being started. */
  lock(): Promise<AheadLock | undefined>;
  /** Whether a process has been told to store the file, and has not come to its end since. */
  intends(name: string): boolean;
  /** Whether one was told anything, and has not come to its end, be it that it was killed. */
  readonly hasPlan: boolean;
  /** Tells the next process what to store. Only under the lock. */
  begin(names: readonly string[]): void;
  /** For what the process writes to stderr: nobody reads along while it works. */
  openNotes(): { readonly descriptor: number } & Disposable;
  /** The lines that a process left; once. Only when none is at work. */
  takeNotes(): readonly string[];
}

export interface AheadLock extends Disposable {
  /** A process that is given it shares the lock. */
  readonly descriptor: number;
}

/** Checks content while it passes, keeping no chunk; both throw at the first fault. */
export interface ContentCheck {
  update(chunk: Uint8Array): void;
  /** The content is whole. `isComplete` false: the server stopped writing inside this file. */
  finish(): { readonly isComplete: boolean };
}

/** Where in the order of journal files a name stands, and what its content must be. */
export interface JournalOrder {
  /** The check for content that came through a codec with or without a checksum of its own. */
  check(name: string, options: { readonly isChecksummed: boolean }): ContentCheck;
  /** The names after it, as far as is wanted; empty for names outside the order. */
  following(name: string, count: number): readonly string[];
  /** Whether other names in storage prove that this one should be there. */
  hole(name: string, archive: JournalListing, signal: AbortSignal): Promise<string | undefined>;
  /** A finished read-ahead file: throws when it is not the file of that name. */
  checkReadAhead(name: string, path: string): void;
}

/** What a proof of a hole may ask of the storage. */
export interface JournalListing {
  /** Names of objects under a prefix of names, ascending, with their codecs' extensions. */
  names(prefix: string, after: string | undefined, signal: AbortSignal): AsyncIterable<string>;
  /** A small file's content; undefined when it is not stored. */
  small(name: string, signal: AbortSignal): Promise<Uint8Array | undefined>;
}
