import { api, events, isApiError, type Schema, take } from "@de/api";
import { useReturn } from "@de/ui";
import { useEffect, useState } from "preact/hooks";

export type Job = Schema<"Job">;

/** Before a line that broke is opened anew, in milliseconds. */
const PAUSE = 2_000;

export function isOver({ status }: Job): boolean {
  return status === "succeeded" || status === "failed" || status === "cancelled";
}

interface Followed {
  error: unknown;
  job: Job | undefined;
  /** Follows it anew. What is known of it stays meanwhile. */
  retry: () => void;
}

/**
 * A job as it is, and at each change until its end. A line that breaks is opened anew, and so is one whose session
 * ended, when somebody is back.
 */
export function useJob(id: string | null): Followed {
  const [state, setState] = useState<{ error: unknown; job: Job | undefined }>({
    error: null,
    job: undefined,
  });
  const [tries, setTries] = useState(0);
  const retry = () => setTries((before) => before + 1);
  useReturn(retry);
  useEffect(() => {
    setState(({ job }) => ({ error: null, job: job?.id === id ? job : undefined }));
    if (id === null) return;
    const control = new AbortController();
    void follow(id, control.signal, (job) => setState({ error: null, job })).catch((error) => {
      if (!control.signal.aborted) setState((before) => ({ ...before, error }));
    });
    return () => control.abort();
  }, [id, tries]);
  return { ...state, retry };
}

async function follow(id: string, signal: AbortSignal, show: (job: Job) => void): Promise<void> {
  const path = { id };
  for (;;) {
    try {
      const job = await take(api.GET("/v1/jobs/{id}", { params: { path }, signal }));
      show(job);
      if (isOver(job)) return;
      for await (const { data, event } of events(`/v1/jobs/${id}/events`, signal)) {
        if (event === "job") show(JSON.parse(data));
      }
    } catch (thrown) {
      const isPassing =
        isApiError(thrown) && (thrown.status === 0 || thrown.status >= 500 || thrown.status === 429);
      if (signal.aborted || !isPassing) throw thrown;
      await new Promise((done) => setTimeout(done, PAUSE));
      if (signal.aborted) return;
    }
  }
}
