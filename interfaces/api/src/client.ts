import createClient, { type Middleware } from "openapi-fetch";
import { base } from "./base.ts";
import { failure, offline } from "./error.ts";
import type { components, paths } from "./generated.ts";
import { ended, instance, person } from "./session.ts";

/** A schema of the API's description by its name. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

/** What belongs to no instance, or names it in its query: an instance that is gone must not close these. */
const OF_NO_INSTANCE =
  /^\/v1\/(api-keys|audit-events|bootstrap|budgets|instances|limits|metrics|organizations|projects|provider-health|provider-keys|providers|receipts|requests|services|sessions|usage|users|webhooks)\b/;

/** Whether a call says for which instance it acts: one that is gone must not close what is read without it. */
export function actsForInstance(method: string, path: string): boolean {
  if (method === "GET" && path.startsWith("/v1/model-configs")) return false;
  return !OF_NO_INSTANCE.test(path);
}

/** Adds what every call carries, and makes a failure of every answer that is one. */
const manners: Middleware = {
  onRequest({ request }) {
    const { pathname } = new URL(request.url);
    if (instance.value !== null && actsForInstance(request.method, pathname))
      request.headers.set("x-instance-id", instance.value);
    return request;
  },
  async onResponse({ response, request }) {
    if (response.ok || response.status === 304) return undefined;
    const error = failure(response, await response.json().catch(() => null));
    const isLogIn = request.method === "POST" && new URL(request.url).pathname === "/v1/sessions";
    if (error.status === 401 && person.value !== null && !isLogIn) ended.value = true;
    throw error;
  },
  onError({ error }) {
    // One that was given up is not a failure to tell of.
    if (error instanceof DOMException && error.name === "AbortError") return error;
    return error instanceof TypeError ? offline() : undefined;
  },
};

/** Every operation of the API, by its path: `api.GET("/v1/projects", { params: { query: { limit: 50 } } })`. */
export const api = createClient<paths>({ baseUrl: base, credentials: "include" });
api.use(manners);

/**
 * The body of an answer.
 *
 * @throws ApiError what the API answered, if that is a failure, or that nothing answered.
 */
export async function take<T>(answer: Promise<{ data?: T; response: Response }>): Promise<T> {
  const { data } = await answer;
  return data as T;
}

/** The address of a path of the API, for links and for what a person copies. */
export function url(path: string): string {
  return new URL(path, base).href;
}
