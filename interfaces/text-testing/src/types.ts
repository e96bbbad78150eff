/** What a conversation is, as it is shown and as the browser keeps it. */

/** A picture of a prompt. The bytes stay a file, so that keeping a conversation does not copy them. */
export interface Picture {
  blob: Blob;
  id: string;
  name: string;
}

/** A call of a tool that a model wants made. */
export interface ToolCall {
  arguments: string;
  id: string;
  name: string;
}

/** A failure, in a form that can be kept. */
export interface Told {
  code: string;
  details: Record<string, unknown>;
  message: string;
  requestId: string | undefined;
  retryAfter: number | undefined;
  status: number;
}

export interface Usage {
  cached: number;
  input: number;
  output: number;
  reasoning: number;
}

/**
 * - `cut`: the connection broke, or the page was left, after something had come
 * - `failed`: the API or the vendor said that it failed
 * - `stopped`: the person wanted no more
 */
export type State = "cut" | "done" | "failed" | "stopped" | "streaming";

/** What is known of the cost: it may come seconds after the answer, and a model without a price has none. */
export type Cost = { micros: number; state: "known" } | { state: "unpriced" | "unread" | "waiting" };

/** One answer of one model, as far as it has come, and what is known of its call. */
export interface Answer {
  at: number;
  calls: ToolCall[];
  cost: Cost;
  /** Sealed thoughts, which their vendor wants back within a loop of tools. */
  details: unknown[];
  estimated: boolean;
  events: string[];
  /** How many events were not kept: the list has a bound. */
  eventsLeftOut: number;
  fault: Told | null;
  finish: string | null;
  firstMs: number | null;
  /** Those of the answer that a page may read. */
  headers: Record<string, string>;
  id: string;
  /** As it was asked for; another one may have served, see `headers`. */
  model: string;
  refusal: string;
  /** The body as it was sent, but for the bytes of pictures. */
  request: Record<string, unknown>;
  requestHeaders: Record<string, string>;
  /** What its tools gave, by the call's id. */
  results: Record<string, string>;
  state: State;
  text: string;
  thoughts: string;
  totalMs: number | null;
  usage: Usage | null;
}

/** One prompt, and what each model answered: several answers where tools were called in between. */
export interface Turn {
  answers: Record<string, Answer[]>;
  id: string;
  pictures: Picture[];
  text: string;
}

export type Format = "json_object" | "json_schema" | "text";

export interface Settings {
  format: Format;
  onUnsupported: "" | "drop" | "reject" | "warn";
  /** Parameters as they were typed; empty ones are not sent. */
  params: Record<string, string>;
  schema: string;
  stream: boolean;
  system: string;
  toolChoice: string;
  tools: string;
}

export interface Conversation {
  id: string;
  models: string[];
  /** Whose it is: a person, acting for an instance. */
  owner: string;
  settings: Settings;
  turns: Turn[];
  updatedAt: number;
}

export const USUAL: Settings = {
  format: "text",
  onUnsupported: "",
  params: {},
  schema: "",
  stream: true,
  system: "",
  toolChoice: "auto",
  tools: "",
};

export function fresh(owner: string, models: string[], settings: Settings = USUAL): Conversation {
  return { id: crypto.randomUUID(), models, owner, settings, turns: [], updatedAt: Date.now() };
}

/** The answers of a turn, of all models. */
export function answersOf(turn: Turn): Answer[] {
  return Object.values(turn.answers).flat();
}
