import type { Client } from "openapi-fetch";
import { base } from "./base.ts";
import { offline } from "./error.ts";
import type { components, paths } from "./generated.ts";
import { isAborted, send } from "./send.ts";

/** A schema of the API's description by its name. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

type Method = "DELETE" | "GET" | "PATCH" | "POST" | "PUT";

/** What a call is made of, as the types of `openapi-fetch` let it through. */
interface Call extends RequestInit {
  params?: {
    header?: Record<string, unknown>;
    path?: Record<string, unknown>;
    query?: Record<string, unknown>;
  };
  parseAs?: "text";
}

/**
 * Every operation of the API, by its path: `api.GET("/v1/projects", { params: { query: { limit: 50 } } })`.
 *
 * The types are those of `openapi-fetch`. Its code is not loaded: what of it the pages need is this file, and the rest
 * was a twelfth of all that a page may weigh.
 */
export const api = {
  DELETE: calling("DELETE"),
  GET: calling("GET"),
  PATCH: calling("PATCH"),
  POST: calling("POST"),
  PUT: calling("PUT"),
} as unknown as Pick<Client<paths>, Method>;

function calling(method: Method) {
  return async (
    template: string,
    { body, params = {}, parseAs, ...init }: Call & { body?: unknown } = {},
  ) => {
    const place = template.replaceAll(/\{([^{}]+)\}/g, (_, name) =>
      encodeURIComponent(String(params.path?.[name])),
    );
    const query = new URLSearchParams(told(params.query)).toString();
    const headers = new Headers(told(params.header));
    if (body !== undefined) headers.set("content-type", "application/json");
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await send(query ? `${place}?${query}` : place, { ...init, ...sent, headers, method });
    const text = await response.text().catch((thrown) => {
      throw isAborted(thrown) ? thrown : offline();
    });
    return { data: parseAs === "text" ? text : text === "" ? undefined : JSON.parse(text), response };
  };
}

/** The values that are there; of a list each by itself. */
function told(values: Record<string, unknown> = {}): [string, string][] {
  return Object.entries(values).flatMap(([name, value]) =>
    [value].flat().flatMap((one): [string, string][] => (one == null ? [] : [[name, String(one)]])),
  );
}

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
