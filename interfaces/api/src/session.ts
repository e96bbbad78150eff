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

/** Finds the session that the browser has, if it still holds. The cookie is that of all pages. */
export async function resume(): Promise<void> {
  const answer = await ask("/v1/sessions/current").catch(() => null);
  begin(answer?.ok ? ((await answer.json()) as Session) : null);
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

/**
 * Ends the session at the API, and then here. It is the one that the browser has now: another page may have begun it
 * since, and nobody shall be found in it.
 *
 * @throws ApiError why it goes on.
 */
export async function logOut(): Promise<void> {
  const answer = await ask("/v1/sessions/current", { method: "DELETE" });
  if (!answer.ok) {
    const refusal = failure(answer, await answer.json().catch(() => null));
    // One that is over needs no end, and neither does one that ended before others could be told of it.
    if (answer.status !== 401 && refusal.details.saved !== true) throw refusal;
  }
  useInstance(null);
  begin(null);
}

function begin(session: Session | null): void {
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
