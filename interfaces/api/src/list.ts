/** Asks for one page of a list. */
export type AskPage<Row> = (query: {
  cursor?: string;
  limit: number;
}) => Promise<{ data: Row[]; next_cursor?: string | null }>;

/** Rows of a list. */
export interface Rows<Row> {
  /** There are more than were read. */
  isCut: boolean;
  rows: Row[];
}

/**
 * Reads a list whose API gives it in pages, with as many rows a page as it gives.
 *
 * @param pages how many pages are read at most: a list without an end must not keep a page busy for ever.
 */
export async function readAll<Row>(ask: AskPage<Row>, pages = Number.POSITIVE_INFINITY): Promise<Rows<Row>> {
  const rows: Row[] = [];
  let cursor: string | null | undefined;
  for (let page = 0; page < pages; page += 1) {
    const answer = await ask(cursor ? { cursor, limit: 200 } : { limit: 200 });
    rows.push(...answer.data);
    cursor = answer.next_cursor;
    if (!cursor) return { isCut: false, rows };
  }
  return { isCut: true, rows };
}
