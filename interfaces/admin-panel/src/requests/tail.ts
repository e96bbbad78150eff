import { ended, events, open, type Schema } from "@de/api";
import { useEffect, useRef, useState } from "preact/hooks";
import { callsOf } from "./books.ts";

type Call = Schema<"Request">;

/** How many calls are kept in view: a page that listens for a day must not grow for a day. */
const KEPT = 200;
/** How many that ended before are shown to begin with. */
const BEFORE = 20;
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;

export interface Tail {
  error: unknown;
  /** How many came while it was paused. */
  held: number;
  isPaused: boolean;
  pause: (isPaused: boolean) => void;
  rows: readonly Call[];
  state: "connecting" | "live" | "waiting";
}

/**
 * The last calls, and then each as it ends, the newest first. A line that breaks is begun again, each time after a longer wait, and goes on
 * where it broke.
 *
 * @param search the filters, as a query.
 */
export function useTail(search: string): Tail {
  const [state, setState] = useState<Tail["state"]>("connecting");
  const [error, setError] = useState<unknown>(null);
  const [rows, setRows] = useState<readonly Call[]>([]);
  const [waiting, setWaiting] = useState<readonly Call[]>([]);
  const [isPaused, setPaused] = useState(false);
  const paused = useRef(false);

  useEffect(() => {
    const control = new AbortController();
    setRows([]);
    setWaiting([]);
    const add = (call: Call) => {
      const put = (before: readonly Call[]) =>
        [call, ...before.filter(({ id }) => id !== call.id)].slice(0, KEPT);
      if (paused.current) setWaiting(put);
      else setRows(put);
    };
    void listen(search, control.signal, add, (state, error) => {
      setState(state);
      setError(error);
    });
    return () => control.abort();
  }, [search]);

  const pause = (next: boolean) => {
    paused.current = next;
    setPaused(next);
    if (next) return;
    setRows((before) => [...waiting, ...before].slice(0, KEPT));
    setWaiting([]);
  };
  return { error, held: waiting.length, isPaused, pause, rows, state };
}

async function listen(
  search: string,
  signal: AbortSignal,
  add: (call: Call) => void,
  tell: (state: Tail["state"], error: unknown) => void,
): Promise<void> {
  let last: string | undefined;
  let hasBegun = false;
  let wait = FIRST_WAIT;
  while (!signal.aborted) {
    let error: unknown = null;
    try {
      tell("connecting", null);
      if (!hasBegun) {
        const { data } = await callsOf(
          { ...Object.fromEntries(new URLSearchParams(search)), limit: BEFORE },
          signal,
        );
        for (const call of data.toReversed()) add(call);
        last = data[0]?.id;
        hasBegun = true;
      }
      const headers: Record<string, string> = last ? { "last-event-id": last } : {};
      const answer = await open(`/v1/requests/events?${search}`, { headers, signal });
      tell("live", null);
      for await (const event of events(answer, signal)) {
        wait = FIRST_WAIT;
        if (event.id) last = event.id;
        if (event.event === "request") add(JSON.parse(event.data));
      }
    } catch (thrown) {
      error = thrown;
    }
    if (signal.aborted) return;
    tell("waiting", error);
    await pauseFor(wait, signal);
    // Whoever has to log in first is not knocked for.
    while (ended.peek() && !signal.aborted) await pauseFor(FIRST_WAIT, signal);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }
}

/** Waits, but no longer than until the device is on line again, or nobody listens any more. */
function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      removeEventListener("online", end);
      done();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
    addEventListener("online", end);
  });
}
