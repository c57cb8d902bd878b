/** Rows of text in columns, for a terminal. */

/** Columns are as wide as their widest cell; the last is not padded. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => widthOf(line[column] ?? ''))));
  return lines
    .map((line) => line.map((cell, column) => (column === line.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell)))).join('  '))
    .join('\n');
}

/** Control characters of foreign text would steer the terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}

/** Characters as people count them. */
function widthOf(text: string): number {
  return Array.from(new Intl.Segmenter().segment(text)).length;
}
