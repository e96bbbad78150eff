import { type AskPage, type Rows, readAll } from "@de/api";
import { type Loaded, useResource } from "@de/ui";

/** How many pages of rows are read at most where the page itself looks through them. */
const MOST = 10;

/** A list, or what of it was read. */
export interface Found<Row> extends Rows<Row> {
  /** Where the next page begins; null where everything is here. */
  next: string | null;
}

type Ask<Row> = (query: Parameters<AskPage<Row>>[0], signal: AbortSignal) => ReturnType<AskPage<Row>>;

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
      return { ...(await readAll((query) => ask(query, signal), MOST)), next: null };
    },
    [...inputs, whole, whole ? undefined : cursor],
  );
}

/** Whether one of these texts has what is searched for, whichever case. */
export function has(searched: string | undefined, ...texts: (string | null | undefined)[]): boolean {
  const word = (searched ?? "").trim().toLowerCase();
  return word === "" || texts.some((text) => text?.toLowerCase().includes(word));
}
