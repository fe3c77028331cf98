import { type Lsn, parseLsn } from "../../delta/lsn.ts";

const LSN = "[0-9A-F]{1,8}/[0-9A-F]{1,8}";
/** The two lines without which a server refuses the file, as every version begins it. */
const BEGINNING = new RegExp(
  `^START WAL LOCATION: (${LSN}) \\(file [0-9A-F]{24}\\)\\r?\\nCHECKPOINT LOCATION: ${LSN}\\r?\\n`,
);

/** Where the backup of this `backup_label` starts; undefined: the text is none, or cut short. */
export function labelStart(text: string): Lsn | undefined {
  const start = BEGINNING.exec(text)?.[1];
  return start === undefined ? undefined : parseLsn(start);
}
