import type { Answer, ToolCall, Usage } from "./types.ts";

/** As many characters of events as an answer keeps. */
const MOST_EVENTS = 100_000;

/** What is read of a chunk, or of a whole answer; each member may be absent, as vendors have it. */
interface Read {
  choices?: { delta?: Said; finish_reason?: string | null; message?: Said }[];
  error?: unknown;
  usage?: {
    completion_tokens?: number;
    completion_tokens_details?: { reasoning_tokens?: number } | null;
    prompt_tokens?: number;
    prompt_tokens_details?: { cached_tokens?: number } | null;
  } | null;
}

interface Said {
  content?: string | null;
  /** The word of some hosts for `reasoning_content`. */
  reasoning?: string | null;
  reasoning_content?: string | null;
  reasoning_details?: unknown[] | null;
  refusal?: string | null;
  tool_calls?: { function?: { arguments?: string; name?: string }; id?: string; index?: number }[] | null;
}

/** What an answer is after one more event; an event that is none changes nothing. */
export function fold(answer: Answer, read: Read): Answer {
  // One answer is asked for, so there is one choice.
  const choice = read.choices?.[0];
  const said = choice?.delta ?? choice?.message ?? {};
  return {
    ...answer,
    calls: said.tool_calls ? calls(answer.calls, said.tool_calls) : answer.calls,
    details: said.reasoning_details ? [...answer.details, ...said.reasoning_details] : answer.details,
    finish: choice?.finish_reason ?? answer.finish,
    refusal: answer.refusal + (said.refusal ?? ""),
    text: answer.text + (said.content ?? ""),
    thoughts: answer.thoughts + (said.reasoning_content ?? said.reasoning ?? ""),
    usage: usage(read.usage) ?? answer.usage,
  };
}

/** Whether an event has brought something of the answer itself. */
export function hasBegun({ calls, refusal, text, thoughts }: Answer): boolean {
  return calls.length > 0 || refusal !== "" || text !== "" || thoughts !== "";
}

/** Keeps an event as it came, up to the bound. */
export function keepEvent(answer: Answer, data: string): Answer {
  const kept = answer.events.reduce((sum, event) => sum + event.length, 0);
  if (kept + data.length > MOST_EVENTS) return { ...answer, eventsLeftOut: answer.eventsLeftOut + 1 };
  return { ...answer, events: [...answer.events, data] };
}

/** The body of an event or of an answer; null where it is no object. */
export function parse(data: string): Read | null {
  try {
    const read: unknown = JSON.parse(data);
    return read !== null && typeof read === "object" ? (read as Read) : null;
  } catch {
    return null;
  }
}

function calls(before: ToolCall[], pieces: NonNullable<Said["tool_calls"]>): ToolCall[] {
  const all = [...before];
  for (const [place, piece] of pieces.entries()) {
    const index = piece.index ?? place;
    const call = all[index] ?? { arguments: "", id: "", name: "" };
    all[index] = {
      arguments: call.arguments + (piece.function?.arguments ?? ""),
      id: piece.id ?? call.id,
      name: piece.function?.name ?? call.name,
    };
  }
  return all.filter((call) => call !== undefined);
}

function usage(told: Read["usage"]): Usage | null {
  if (!told) return null;
  return {
    cached: told.prompt_tokens_details?.cached_tokens ?? 0,
    input: told.prompt_tokens ?? 0,
    output: told.completion_tokens ?? 0,
    reasoning: told.completion_tokens_details?.reasoning_tokens ?? 0,
  };
}
