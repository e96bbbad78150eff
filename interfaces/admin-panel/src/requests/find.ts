import { api, isApiError, type Schema, take } from "@de/api";
import { callsOf } from "./books.ts";

type Call = Schema<"Request">;
type Change = Schema<"AuditEvent">;

/** What an id means: calls in the books, or a change of the configuration, or nothing that is on record. */
export interface Found {
  calls: readonly Call[];
  change: Change | null;
  isReceipt: boolean;
}

/** Finds calls by their receipt's id or by what the answer's `X-Request-ID` said. */
export async function find(id: string, signal: AbortSignal): Promise<Found> {
  if (id.startsWith("rcpt_")) {
    const calls = await take(api.GET("/v1/requests/{id}", { params: { path: { id } }, signal })).then(
      (call) => [call],
      nothing,
    );
    return { calls, change: null, isReceipt: true };
  }
  const { data } = await callsOf({ limit: 50, request_id: id }, signal);
  const change = data.length === 0 ? await changeBy(id, signal) : null;
  return { calls: data, change, isReceipt: false };
}

async function changeBy(id: string, signal: AbortSignal): Promise<Change | null> {
  const answer = api.GET("/v1/audit-events", { params: { query: { limit: 1, request_id: id } }, signal });
  // Who may not see changes is not told of one.
  const { data } = await take(answer).catch(() => ({ data: [] as Change[] }));
  return data[0] ?? null;
}

function nothing(thrown: unknown): Call[] {
  if (isApiError(thrown) && thrown.status === 404) return [];
  throw thrown;
}
