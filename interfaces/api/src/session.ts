import { computed, signal } from "@preact/signals";
import { base } from "./base.ts";
import { failure, offline } from "./error.ts";
import type { components } from "./generated.ts";

export type Person = components["schemas"]["SessionShown"]["user"];

/** Who is logged in: null for nobody, undefined until that is known. */
export const person = signal<Person | null | undefined>(undefined);

/** The session has ended while the page was open: what it shows stays, until the same person is back. */
export const ended = signal(false);

type Session = components["schemas"]["SessionShown"];

const INSTANCE = "de.instance";
/** Its id, which opens nothing: the cookie does. */
const SESSION = "de.session";
let sessionId: string | null = null;

/** The instance that calls act for. Kept for the next visit. */
export const instance = signal<string | null>(localStorage.getItem(INSTANCE));

/** Whether the person runs the whole service. */
export const isOperator = computed(() => person.value?.role === "superadmin");

/** Whether the person may change what belongs to their organization. */
export const isAdministrator = computed(() => isOperator.value || person.value?.role === "admin");

/** Acts for this instance from now on. */
export function useInstance(id: string | null): void {
  instance.value = id;
  if (id === null) localStorage.removeItem(INSTANCE);
  else localStorage.setItem(INSTANCE, id);
}

/** Finds the session that the browser has, if it still holds. */
export async function resume(): Promise<void> {
  begin((await remembered()) ?? (await listed()));
}

/** The session that this page began or found before: the cookie is that of all pages, and may be another one's. */
async function remembered(): Promise<Session | null> {
  const id = localStorage.getItem(SESSION);
  const session = id === null ? null : await read<Session>(`/v1/sessions/${id}`);
  return session?.current ? session : null;
}

/** The session among all that the person has. */
async function listed(): Promise<Session | null> {
  let cursor: string | null | undefined;
  do {
    const query = new URLSearchParams({ limit: "200", ...(cursor && { cursor }) });
    const page = await read<components["schemas"]["SessionList"]>(`/v1/sessions?${query}`);
    const current = page?.data.find((session) => session.current);
    if (current) return current;
    cursor = page?.next_cursor;
  } while (cursor);
  return null;
}

async function read<T>(path: string): Promise<T | null> {
  const answer = await ask(path).catch(() => null);
  return answer?.ok ? ((await answer.json()) as T) : null;
}

/**
 * Logs in by a person's key; without one by what Cloudflare Access says of the person.
 *
 * @throws ApiError why not.
 */
export async function logIn(key: string | null): Promise<void> {
  const before = person.peek();
  const answer = await ask("/v1/sessions", {
    body: JSON.stringify(key === null ? {} : { key }),
    method: "POST",
  });
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw failure(answer, body);
  begin(body as Session);
  // Another person must not find what the first one had open.
  if (before && before.id !== person.value?.id) location.assign("/");
}

/** Ends the session, here and at the API. */
export async function logOut(): Promise<void> {
  if (sessionId !== null) await ask(`/v1/sessions/${sessionId}`, { method: "DELETE" });
  useInstance(null);
  begin(null);
}

function begin(session: Session | null): void {
  sessionId = session?.id ?? null;
  if (sessionId === null) localStorage.removeItem(SESSION);
  else localStorage.setItem(SESSION, sessionId);
  person.value = session?.user ?? null;
  ended.value = false;
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.body ? { "content-type": "application/json" } : {});
  try {
    return await fetch(new URL(path, base), { credentials: "include", headers, ...init });
  } catch {
    throw offline();
  }
}
