import { base } from "./base.ts";
import { failure, offline } from "./error.ts";
import { ended, instance, person } from "./session.ts";

/** What belongs to no instance, or names it in its query: an instance that is gone must not close these. */
const OF_NO_INSTANCE =
  /^\/v1\/(api-keys|audit-events|bootstrap|budgets|instances|limits|metrics|organizations|projects|provider-health|provider-keys|providers|receipts|requests|services|sessions|usage|users|webhooks)\b/;

/** Whether a call says for which instance it acts: one that is gone must not close what is read without it. */
function actsForInstance(method: string, path: string): boolean {
  if (method === "GET" && path.startsWith("/v1/model-configs")) return false;
  return !OF_NO_INSTANCE.test(path);
}

/**
 * Sends a request with what every call carries, and hands the answer over as it is.
 *
 * @throws ApiError what the API answered, if that is a failure, or that nothing answered.
 */
export async function send(path: string, init: RequestInit): Promise<Response> {
  const method = init.method ?? "GET";
  const headers = new Headers(init.headers);
  const url = new URL(path, base);
  if (instance.value !== null && actsForInstance(method, url.pathname))
    headers.set("x-instance-id", instance.value);
  let response: Response;
  try {
    response = await fetch(url, { credentials: "include", ...init, headers });
  } catch (thrown) {
    throw isAborted(thrown) ? thrown : offline();
  }
  if (response.ok || response.status === 304) return response;
  const isLogIn = method === "POST" && url.pathname === "/v1/sessions";
  if (response.status === 401 && person.value !== null && !isLogIn) ended.value = true;
  throw failure(response, await response.json().catch(() => null));
}

/** One that was given up is not a failure to tell of. */
export function isAborted(thrown: unknown): boolean {
  return thrown instanceof DOMException && thrown.name === "AbortError";
}
