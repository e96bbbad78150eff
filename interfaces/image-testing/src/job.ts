import { api, events, isApiError, type Schema, take } from "@de/api";
import { useEffect, useState } from "preact/hooks";

export type Job = Schema<"Job">;

/** Before a line that broke is opened anew, in milliseconds. */
const PAUSE = 2_000;

export function isOver({ status }: Job): boolean {
  return status === "succeeded" || status === "failed" || status === "cancelled";
}

/** A job as it is, and at each change until its end. A line that breaks is opened anew. */
export function useJob(id: string | null): { error: unknown; job: Job | undefined } {
  const [state, setState] = useState<{ error: unknown; job: Job | undefined }>({
    error: null,
    job: undefined,
  });
  useEffect(() => {
    setState({ error: null, job: undefined });
    if (id === null) return;
    const control = new AbortController();
    void follow(id, control.signal, (job) => setState({ error: null, job })).catch((error) => {
      if (!control.signal.aborted) setState((before) => ({ ...before, error }));
    });
    return () => control.abort();
  }, [id]);
  return state;
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
