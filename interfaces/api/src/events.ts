import { offline } from "./error.ts";
import { send } from "./send.ts";

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
  // Read only where something streams, so it comes with the first stream, and while the API is still at it.
  const reader = import("eventsource-parser/stream");
  reader.catch(() => undefined);
  const response = typeof source === "string" ? await send(source, signal ? { signal } : {}) : source;
  if (!response.body) return;
  try {
    const { EventSourceParserStream } = await reader;
    const stream = response.body
      .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
      .pipeThrough(new EventSourceParserStream());
    for await (const { data, event, id } of stream) yield { data, event, id };
  } catch (thrown) {
    if (signal?.aborted) throw thrown;
    throw offline();
  }
}
