import type { ChangeSink } from "../../src/delta/change-sink.ts";

/** Keeps what a sink is told, as text: `1663/5/16384:7`, and `1663/5/16384:7+` from it on. */
export class ChangeLog implements ChangeSink {
  readonly entries: string[] = [];

  block(tablespace: number, database: number, relation: number, block: number): void {
    this.entries.push(`${tablespace}/${database}/${relation}:${block}`);
  }

  from(tablespace: number, database: number, relation: number, block: number): void {
    this.entries.push(`${tablespace}/${database}/${relation}:${block}+`);
  }

  /** Each entry once, sorted. */
  unique(): readonly string[] {
    return [...new Set(this.entries)].sort();
  }
}
