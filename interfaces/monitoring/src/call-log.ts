import { api, type Schema, take } from "@de/api";
import { type Signal, signal } from "@preact/signals";
import type { Call } from "./sums.ts";
import type { Window } from "./window.ts";

const A_PAGE = 200;
/** How many pages are read at most: what is older is not looked at, and the page says so. */
export const PAGES = 25;

/** Calls of a window of time. */
export interface Read {
  calls: Call[];
  /** Since when they are all there, where there were too many to read; else null. */
  since: number | null;
}

/**
 * The log of calls, kept in the page: read once from the list, then continued by what came to the books since, which
 * also finds the receipts of calls that were let in long before.
 */
export class CallLog {
  /** How many calls are read, while the list is read. */
  readonly progress: Signal<number> = signal(0);
  readonly #parameters: Record<string, string>;
  #calls = new Map<string, Call>();
  /** The receipt after which the next look begins. */
  #last: string | null = null;
  #since: number | null = null;

  /** @param parameters what calls are narrowed by, as the API names it. */
  constructor(parameters: Record<string, string>) {
    this.#parameters = parameters;
  }

  /** All calls of the window, as of now. */
  async read(window: Window, signal: AbortSignal): Promise<Read> {
    const came = await this.#came(signal);
    // Whoever does not find the place that it was left at has to begin anew.
    if (this.#last !== null && came.begin === this.#last) {
      for (const call of came.calls) this.#calls.set(call.id, call);
      this.#last = came.last;
    } else {
      await this.#all(window, signal);
      this.#last = came.last;
    }
    this.#forget(window);
    return { calls: [...this.#calls.values()], since: this.#since };
  }

  /** What came to the books after what was seen last. */
  async #came(signal: AbortSignal): Promise<{ begin: string | null; calls: Call[]; last: string | null }> {
    const header = this.#last === null ? {} : { "Last-Event-ID": this.#last };
    const query = { ...this.#parameters, follow: false };
    const answer = api.GET("/v1/requests/events", { params: { header, query }, parseAs: "text", signal });
    const text = await take(answer);
    // Each event is one line of data; the first id stands before all of them, and is where they begin.
    const ids = [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id ?? "");
    const calls = [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? "") as Call);
    return { begin: ids[0] ?? null, calls, last: ids.at(-1) ?? null };
  }

  /** Reads the list from its newest on. */
  async #all(window: Window, signal: AbortSignal): Promise<void> {
    const calls = new Map<string, Call>();
    let cursor: string | undefined;
    let oldest: Call | undefined;
    for (let page = 0; page < PAGES && cursor !== ""; page += 1) {
      const query = {
        ...this.#parameters,
        ...(cursor === undefined ? {} : { cursor }),
        ...(window.fixed ? { to: new Date(window.end).toISOString() } : {}),
        from: new Date(window.start).toISOString(),
        limit: A_PAGE,
      };
      const answer = await take(api.GET("/v1/requests", { params: { query }, signal }));
      const { data, next_cursor } = answer as Schema<"RequestList">;
      for (const call of data) calls.set(call.id, call);
      oldest = data.at(-1) ?? oldest;
      cursor = next_cursor ?? "";
      this.progress.value = calls.size;
    }
    this.#calls = calls;
    // Of the oldest moment that was read there may be more.
    this.#since = cursor !== "" && oldest ? Date.parse(oldest.admitted_at) + 1 : null;
  }

  /** Drops what lies outside of the window, and the oldest where there are too many. */
  #forget({ end, start }: Window): void {
    if (this.#since !== null && this.#since <= start) this.#since = null;
    const times = [...this.#calls.values()].map((call) => Date.parse(call.admitted_at));
    const many = PAGES * A_PAGE;
    if (times.length > many) {
      const oldest = times.toSorted((a, b) => b - a)[many - 1] ?? start;
      this.#since = Math.max(this.#since ?? start, oldest + 1);
    }
    const from = Math.max(start, this.#since ?? start);
    for (const [id, call] of this.#calls) {
      const at = Date.parse(call.admitted_at);
      if (at < from || at >= end) this.#calls.delete(id);
    }
  }
}
