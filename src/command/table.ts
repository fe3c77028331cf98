/**
 * Plain and bordered tables, byte for byte as the tools that WAL-G prints with: Go's tabwriter
 * (no minimal width, one space of padding) and the default style of go-pretty. Pure text: commands
 * use them, the terminal is not touched.
 */

/**
 * Columns are padded to their widest cell and one space. The last cell of a row is not padded, and
 * does not widen its column where other rows are longer.
 */
export function renderTabbed(rows: readonly (readonly string[])[]): string {
  const widths = columnWidths(rows.map((row) => row.slice(0, -1))).map((width) => width + 1);
  return rows
    .map((row) => {
      const cells = row.map((cell, i) => (i === row.length - 1 ? cell : pad(cell, widths[i] ?? 0)));
      return `${cells.join("")}\n`;
    })
    .join("");
}

export interface BoxTable {
  /** Printed in upper case. */
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Columns of numbers: they, and their header, are right-aligned. */
  readonly numericColumns: readonly number[];
}

/** A table with borders of `+`, `-` and `|`, ended by a line feed. */
export function renderBox(table: BoxTable): string {
  const header = table.header.map((title) => title.toUpperCase());
  const widths = columnWidths([header, ...table.rows]);
  const border = `+${widths.map((width) => "-".repeat(width + 2)).join("+")}+\n`;
  const line = (cells: readonly string[]) => {
    const padded = widths.map((width, i) => {
      const cell = cells[i] ?? "";
      return table.numericColumns.includes(i) ? padLeft(cell, width) : pad(cell, width);
    });
    return `| ${padded.join(" | ")} |\n`;
  };
  return border + line(header) + border + table.rows.map(line).join("") + border;
}

function columnWidths(rows: readonly (readonly string[])[]): readonly number[] {
  const count = rows.reduce((most, row) => Math.max(most, row.length), 0);
  return Array.from({ length: count }, (_, i) => {
    return rows.reduce((widest, row) => Math.max(widest, charCount(row[i] ?? "")), 0);
  });
}

/** Code points: what the originals count. */
function charCount(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function pad(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - charCount(cell)));
}

function padLeft(cell: string, width: number): string {
  return " ".repeat(Math.max(0, width - charCount(cell))) + cell;
}
