import { type Loaded, useResource } from "@de/ui";

/** How many rows are read at most where the page itself looks through them. */
const MOST = 2_000;

/** A list, or what of it was read. */
export interface Found<Row> {
  /** There are more rows than were looked through. */
  isCut: boolean;
  /** Where the next page begins; null where everything is here. */
  next: string | null;
  rows: Row[];
}

type Ask<Row> = (
  query: { cursor?: string; limit: number },
  signal: AbortSignal,
) => Promise<{ data: Row[]; next_cursor?: string | null }>;

/**
 * One page of a list; or, where the page filters by what the API has no filter for, all of it.
 *
 * @param whole whether the page has to look through all rows itself.
 */
export function useList<Row>(
  ask: Ask<Row>,
  of: { cursor: string | undefined; inputs: readonly unknown[]; whole: boolean },
): Loaded<Found<Row>> {
  const { cursor, inputs, whole } = of;
  return useResource(
    async (signal) => {
      if (!whole) {
        const { data, next_cursor } = await ask(cursor ? { cursor, limit: 50 } : { limit: 50 }, signal);
        return { isCut: false, next: next_cursor ?? null, rows: data };
      }
      const rows: Row[] = [];
      let next: string | null | undefined;
      do {
        const page = await ask(next ? { cursor: next, limit: 200 } : { limit: 200 }, signal);
        rows.push(...page.data);
        next = page.next_cursor;
      } while (next && rows.length < MOST);
      return { isCut: Boolean(next), next: null, rows };
    },
    [...inputs, whole, whole ? undefined : cursor],
  );
}

/** Whether one of these texts has what is searched for, whichever case. */
export function has(searched: string | undefined, ...texts: (string | null | undefined)[]): boolean {
  const word = (searched ?? "").trim().toLowerCase();
  return word === "" || texts.some((text) => text?.toLowerCase().includes(word));
}
