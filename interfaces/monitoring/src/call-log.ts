import { api, type Schema, take } from "@de/api";
import { type Signal, signal } from "@preact/signals";
import type { Call } from "./sums.ts";
import type { Window } from "./window.ts";

const A_PAGE = 200;
/** How many pages are read at most: of more calls than that the API is asked for sums. */
const PAGES = 25;

/**
 * The log of calls, kept in the page: read once from the list, then continued by what came to the books since, which
 * also finds the receipts of calls that were let in long before.
 */
export class CallLog {
  /** How many calls are read, while the list is read. */
  readonly progress: Signal<number> = signal(0);
  readonly #parameters: Record<string, string>;
  #calls = new Map<string, Call>();
  #isTooLong = false;
  /** The receipt after which the next look begins. */
  #last: string | null = null;

  /** @param parameters what calls are narrowed by, as the API names it. */
  constructor(parameters: Record<string, string>) {
    this.#parameters = parameters;
  }

  /** Whether there were too many calls to read them one by one: then it is left at that. */
  get isTooLong(): boolean {
    return this.#isTooLong;
  }

  /** All calls of the window, as of now; some of them where it is too long. */
  async read(window: Window, signal: AbortSignal): Promise<Call[]> {
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
    return [...this.#calls.values()];
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
      cursor = next_cursor ?? "";
      this.progress.value = calls.size;
    }
    this.#calls = calls;
    this.#isTooLong = cursor !== "";
  }

  /** Drops what lies outside of the window. */
  #forget({ end, start }: Window): void {
    for (const [id, call] of this.#calls) {
      const at = Date.parse(call.admitted_at);
      if (at < start || at >= end) this.#calls.delete(id);
    }
    if (this.#calls.size > PAGES * A_PAGE) this.#isTooLong = true;
    if (this.#isTooLong) this.#calls.clear();
  }
}
