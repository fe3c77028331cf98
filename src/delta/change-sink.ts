/**
 * Is told which blocks of relations changed: by a reader of WAL, or of what was made of WAL.
 * Numbers are as in the WAL: oids and block numbers, 32 bits unsigned. Of any fork; whoever keeps
 * forks apart may take them all for the main one, which then has blocks too many, never too few.
 */
export interface ChangeSink {
  block(tablespace: number, database: number, relation: number, block: number): void;
  /**
   * Every block of the relation from this one on: the relation was made, dropped or truncated.
   * Relation 0: all of the database in that tablespace. Tablespace 0: every relation there is.
   */
  from(tablespace: number, database: number, relation: number, block: number): void;
}
