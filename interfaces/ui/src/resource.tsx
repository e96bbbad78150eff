import { ended, isApiError } from "@de/api";
import { useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Fault } from "./fault.tsx";

/** Something that is asked for: what came last, and what is wrong with asking. */
export interface Loaded<T> {
  /** When the data came. */
  at: number | null;
  data: T | undefined;
  error: unknown;
  loading: boolean;
  /** Asks again. What is shown stays meanwhile. */
  reload: () => Promise<void>;
}

/**
 * Asks for something, and again when what it depends on changes, or when somebody is back whose session had ended.
 *
 * @param every milliseconds between two times of asking while the page is seen; never where it is left out.
 */
export function useResource<T>(
  load: (signal: AbortSignal) => Promise<T>,
  inputs: readonly unknown[],
  every?: number,
): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, "reload">>({
    at: null,
    data: undefined,
    error: null,
    loading: true,
  });
  const running = useRef<AbortController | null>(null);
  const asks = useRef(load);
  asks.current = load;
  /** Until when nothing is asked for by itself: what was asked for is under way, or was refused until then. */
  const holds = useRef(0);
  const reload = useCallback(async () => {
    running.current?.abort();
    const control = new AbortController();
    running.current = control;
    holds.current = Date.now() + LONGEST_MS;
    setState((before) => ({ ...before, loading: true }));
    try {
      const data = await asks.current(control.signal);
      if (control.signal.aborted) return;
      holds.current = 0;
      setState({ at: Date.now(), data, error: null, loading: false });
    } catch (error) {
      if (control.signal.aborted) return;
      const wait = isApiError(error) ? (error.retryAfter ?? 0) : 0;
      holds.current = Date.now() + wait * 1_000;
      setState((before) => ({ ...before, error, loading: false }));
    }
  }, []);
  // Whoever changes what is asked for must not see the answer to something else.
  useEffect(() => {
    setState({ at: null, data: undefined, error: null, loading: true });
    void reload();
    return () => running.current?.abort();
  }, inputs);
  useReturn(() => void reload());
  useEffect(() => {
    if (every === undefined) return;
    return whileSeen(every, () => {
      if (Date.now() >= holds.current) void reload();
    });
  }, [every, reload]);
  return { ...state, reload };
}

/** Does something when somebody is back whose session had ended. */
export function useReturn(work: () => void): void {
  const wasOut = useRef(false);
  useSignalEffect(() => {
    if (wasOut.current && !ended.value) work();
    wasOut.current = ended.value;
  });
}

/** How long an answer may take before the same is asked for once more. */
const LONGEST_MS = 60_000;

/** The usual time between two looks at what lives. */
export const every = 5_000;

/** Does something again and again while the page is seen, and at once when it is seen again. */
function whileSeen(ms: number, work: () => void): () => void {
  let timer: ReturnType<typeof setInterval> | undefined;
  const look = () => {
    clearInterval(timer);
    timer = document.hidden ? undefined : setInterval(() => ended.value || work(), ms);
  };
  const back = () => {
    look();
    if (!document.hidden && !ended.value) work();
  };
  look();
  document.addEventListener("visibilitychange", back);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", back);
  };
}

interface ResourceProps<T> {
  children: (data: T) => ComponentChildren;
  /** Shown where there is nothing, with what to do about it. */
  empty?: ComponentChildren;
  isEmpty?: (data: T) => boolean;
  of: Loaded<T>;
}

/** Loading, failed, empty or there: one of them, and the failure beside what was there before. */
export function Resource<T>({ children, empty, isEmpty, of }: ResourceProps<T>) {
  const { data, error, reload } = of;
  if (data === undefined) {
    return error ? <Fault error={error} retry={() => void reload()} /> : <Bones />;
  }
  return (
    <>
      {error ? <Fault error={error} retry={() => void reload()} /> : null}
      {isEmpty?.(data) ? <div class="empty">{empty}</div> : children(data)}
    </>
  );
}

/** The place of something that is on its way. */
export function Bones() {
  return (
    <div class="loading" role="status" aria-label="Loading">
      <div class="bone" />
      <div class="bone" />
      <div class="bone" />
    </div>
  );
}
