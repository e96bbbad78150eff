/** What one column of a table is called, and what stands in it. */
export interface CsvColumn<Row> {
  head: string;
  /** As it is, without a unit; nothing where nothing is known. */
  value: (row: Row) => number | string | null;
}

/** A table as RFC 4180 has it. A text that a spreadsheet would take for a formula has an apostrophe before it. */
export function csv<Row>(columns: readonly CsvColumn<Row>[], rows: readonly Row[]): string {
  const lines = [
    columns.map(({ head }) => written(head)),
    ...rows.map((row) => columns.map(({ value }) => written(value(row)))),
  ];
  return lines.map((line) => `${line.join(",")}\r\n`).join("");
}

function written(value: number | string | null): string {
  if (value === null) return "";
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Hands a text to the person as a file. */
export function download(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
