import { api, isApiError, post, take } from "@de/api";
import { signal } from "@preact/signals";

/** How many orders are remembered; the jobs themselves are the API's. */
const KEPT = 20;

export const PATH = "/image/generate";

/** A failure of an order, in a form that can be kept. */
export interface Told {
  code: string;
  details: Record<string, unknown>;
  message: string;
  requestId: string | undefined;
  retryAfter: number | undefined;
  status: number;
}

/** What one model was asked for. */
export interface Item {
  body: Record<string, unknown>;
  fault: Told | null;
  /** Under this key it is bought once, however often it is sent. */
  idempotencyKey: string;
  jobId: string | null;
  model: string;
  /** Under way from this page; not kept, so that a page that was left is not waited for. */
  sentAt: number;
}

/** One prompt, and what each model was asked for. */
export interface Run {
  at: number;
  id: string;
  items: Item[];
  prompt: string;
}

/** The orders of the person for the instance, the newest first. */
export const runs = signal<Run[]>([]);

/** Orders that this page sends just now, by their keys. */
export const sending = signal<ReadonlySet<string>>(new Set());

let place = "";

/** Shows what is remembered of an owner's orders. */
export function openRuns(owner: string): void {
  place = `de.image-testing.${owner}`;
  runs.value = read();
}

addEventListener("storage", ({ key }) => {
  if (key === place) runs.value = read();
});

/** Orders pictures of each model. The order is remembered before it is sent. */
export function begin(
  prompt: string,
  orders: readonly { body: Record<string, unknown>; model: string }[],
): Run {
  const at = Date.now();
  const items = orders.map(({ body, model }) => fresh(body, model));
  const run = { at, id: crypto.randomUUID(), items, prompt };
  write([run, ...read()].slice(0, KEPT));
  for (const item of items) void send(run.id, item);
  return run;
}

/** Orders the same of one model anew: as another order, unless it is not known what became of the first. */
export function again(run: Run, item: Item): void {
  const isUnknown = item.jobId === null && (item.fault === null || item.fault.code === "OFFLINE");
  const next = isUnknown ? { ...item, fault: null, sentAt: Date.now() } : fresh(item.body, item.model);
  change(run.id, item.idempotencyKey, next);
  void send(run.id, next);
}

/** Gives a job up. */
export async function cancel(id: string): Promise<void> {
  await take(api.DELETE("/v1/jobs/{id}", { params: { path: { id } } }));
}

/** Forgets an order; its pictures stay. */
export function forget(id: string): void {
  write(read().filter((run) => run.id !== id));
}

function fresh(body: Record<string, unknown>, model: string): Item {
  return { body, fault: null, idempotencyKey: crypto.randomUUID(), jobId: null, model, sentAt: Date.now() };
}

async function send(runId: string, item: Item): Promise<void> {
  const key = item.idempotencyKey;
  sending.value = new Set([...sending.value, key]);
  try {
    const headers = { "idempotency-key": key, prefer: "respond-async" };
    const answer = await post(PATH, item.body, { headers });
    const { job_id } = (await answer.json()) as { job_id: string };
    change(runId, key, { ...item, jobId: job_id });
  } catch (thrown) {
    change(runId, key, { ...item, fault: told(thrown) });
  } finally {
    sending.value = new Set([...sending.value].filter((one) => one !== key));
  }
}

function told(thrown: unknown): Told {
  if (isApiError(thrown)) {
    const { code, details, message, requestId, retryAfter, status } = thrown;
    return { code, details, message, requestId, retryAfter, status };
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: "PAGE", details: {}, message, requestId: undefined, retryAfter: undefined, status: 0 };
}

function change(runId: string, key: string, next: Item): void {
  const swap = (item: Item) => (item.idempotencyKey === key ? next : item);
  write(read().map((run) => (run.id === runId ? { ...run, items: run.items.map(swap) } : run)));
}

/** As another tab may have left it. */
function read(): Run[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(place) ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}

function write(list: Run[]): void {
  localStorage.setItem(place, JSON.stringify(list));
  runs.value = list;
}
