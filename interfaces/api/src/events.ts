import { EventSourceParserStream } from "eventsource-parser/stream";
import { base } from "./base.ts";
import { actsForInstance } from "./client.ts";
import { failure, offline } from "./error.ts";
import { ended, instance } from "./session.ts";

/** One event of a stream. */
export interface PageEvent {
  data: string;
  event: string | undefined;
  id: string | undefined;
}

/**
 * Sends a body and hands the answer over as it is: for answers that are streams, or whose headers count.
 *
 * @throws ApiError what the API answered, if that is a failure, or that nothing answered.
 */
export async function post(path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return send(path, {
    body: JSON.stringify(body),
    method: "POST",
    ...init,
    headers: { "content-type": "application/json", ...init.headers },
  });
}

/**
 * Asks for an answer that is read as it comes, with headers of one's own: `Last-Event-ID`.
 *
 * @throws ApiError as {@link post}.
 */
export async function open(path: string, init: RequestInit = {}): Promise<Response> {
  return send(path, init);
}

/**
 * The events of a stream, in order, to its end.
 *
 * @param source an answer that is under way, or a path that is asked for.
 * @throws ApiError as {@link post}; `OFFLINE` where the connection breaks.
 */
export async function* events(source: Response | string, signal?: AbortSignal): AsyncGenerator<PageEvent> {
  const response = typeof source === "string" ? await send(source, signal ? { signal } : {}) : source;
  if (!response.body) return;
  const stream = response.body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .pipeThrough(new EventSourceParserStream());
  try {
    for await (const { data, event, id } of stream) yield { data, event, id };
  } catch (thrown) {
    if (signal?.aborted) throw thrown;
    throw offline();
  }
}

async function send(path: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers);
  const url = new URL(path, base);
  if (instance.value !== null && actsForInstance(init.method ?? "GET", url.pathname))
    headers.set("x-instance-id", instance.value);
  let response: Response;
  try {
    response = await fetch(url, { credentials: "include", ...init, headers });
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === "AbortError") throw thrown;
    throw offline();
  }
  if (response.ok) return response;
  if (response.status === 401) ended.value = true;
  throw failure(response, await response.json().catch(() => null));
}
