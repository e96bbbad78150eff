import type { Model, Options } from "./models.ts";
import { PARAMS, sentValue, whyNot } from "./params.ts";
import {
  type Answer,
  answersOf,
  type Conversation,
  type Picture,
  type Settings,
  type Turn,
} from "./types.ts";

interface Message {
  content: unknown;
  role: string;
  [more: string]: unknown;
}

/** The body of the call that asks a model what comes next in a turn. */
export async function bodyOf(
  { settings, turns }: Conversation,
  turn: Turn,
  model: string,
  about: Model | undefined,
  options: Options,
): Promise<Record<string, unknown>> {
  const before = turns.slice(
    0,
    Math.max(
      0,
      turns.findIndex(({ id }) => id === turn.id),
    ),
  );
  const past = turns.some(({ id }) => id === turn.id) ? before : turns;
  const messages: Message[] = [];
  if (settings.system.trim() !== "") messages.push({ role: "system", content: settings.system });
  for (const one of past) {
    const chain = history(one, model);
    if (chain) messages.push(await prompt(one), ...chain.flatMap((answer) => said(answer, false)));
  }
  messages.push(await prompt(turn));
  messages.push(...(turn.answers[model] ?? []).flatMap((answer) => said(answer, true)));
  return {
    model,
    messages,
    ...(settings.stream ? { stream: true, stream_options: { include_usage: true } } : {}),
    ...paramsOf(settings, about, options),
    ...toolsOf(settings),
    ...formatOf(settings),
  };
}

/** What goes with the call beside its body. */
export function headersOf(settings: Settings): Record<string, string> {
  return settings.onUnsupported === "" ? {} : { "x-de-on-unsupported": settings.onUnsupported };
}

/** What was answered to a prompt that is over: by the model itself, else by the first that answered. */
function history(turn: Turn, model: string): Answer[] | undefined {
  const isUsable = (list: Answer[] | undefined) => list?.some((answer) => said(answer, false).length > 0);
  const own = turn.answers[model];
  if (isUsable(own)) return own;
  return Object.values(turn.answers).find(isUsable);
}

/** An answer as the next call tells it, with what its tools gave; nothing where it has said nothing. */
function said(answer: Answer, withThoughts: boolean): Message[] {
  const isAnswered =
    answer.calls.length > 0 && answer.calls.every(({ id }) => answer.results[id] !== undefined);
  if (!isAnswered) return answer.text === "" ? [] : [{ role: "assistant", content: answer.text }];
  const thoughts = withThoughts
    ? {
        ...(answer.thoughts === "" ? {} : { reasoning_content: answer.thoughts }),
        ...(answer.details.length === 0 ? {} : { reasoning_details: answer.details }),
      }
    : {};
  return [
    {
      role: "assistant",
      content: answer.text === "" ? null : answer.text,
      ...thoughts,
      tool_calls: answer.calls.map(({ arguments: given, id, name }) => ({
        id,
        type: "function",
        function: { name, arguments: given },
      })),
    },
    ...answer.calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: answer.results[id] })),
  ];
}

async function prompt({ pictures, text }: Turn): Promise<Message> {
  if (pictures.length === 0) return { role: "user", content: text };
  const parts = pictures.map(async (picture) => ({
    type: "image_url",
    image_url: { url: await dataUrl(picture) },
  }));
  const words = text === "" ? [] : [{ type: "text", text }];
  return { role: "user", content: [...words, ...(await Promise.all(parts))] };
}

/** A picture as it stands in a body. */
export function dataUrl({ blob }: Picture): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

function paramsOf(settings: Settings, about: Model | undefined, options: Options): Record<string, unknown> {
  const params: Record<string, unknown> = {};
  for (const param of PARAMS) {
    const value = sentValue(param, settings.params[param.name]);
    if (value === undefined || (about && whyNot(about, param.name, options) !== null)) continue;
    params[param.name] = value;
  }
  return params;
}

function toolsOf({ toolChoice, tools }: Settings): Record<string, unknown> {
  if (tools.trim() === "") return {};
  const named = toolChoice.startsWith("call:")
    ? { type: "function", function: { name: toolChoice.slice("call:".length) } }
    : toolChoice;
  return { tools: JSON.parse(tools), ...(toolChoice === "auto" ? {} : { tool_choice: named }) };
}

function formatOf({ format, schema }: Settings): Record<string, unknown> {
  if (format === "text") return {};
  if (format === "json_object") return { response_format: { type: "json_object" } };
  const whole = JSON.parse(schema);
  return {
    response_format: { type: "json_schema", json_schema: { name: "answer", strict: true, schema: whole } },
  };
}

/** What is wrong with the settings, by the member; nothing may be sent then. */
export function faultsOf({ format, params, schema, tools }: Settings): Partial<Record<string, string>> {
  const faults: Partial<Record<string, string>> = {};
  for (const { kind, name } of PARAMS) {
    const typed = params[name]?.trim() ?? "";
    if (typed === "" || kind === "word" || kind === "list") continue;
    if (!Number.isFinite(Number(typed))) faults[name] = "Not a number.";
    else if (kind === "integer" && !Number.isInteger(Number(typed))) faults[name] = "Not a whole number.";
  }
  if (tools.trim() !== "") {
    const read = json(tools);
    if (typeof read === "string") faults.tools = read;
    else if (!Array.isArray(read.value)) faults.tools = "Has to be a list: [{…}].";
  }
  if (format === "json_schema") {
    const read = json(schema);
    if (typeof read === "string") faults.schema = schema.trim() === "" ? "A schema is needed." : read;
    else if (read.value === null || typeof read.value !== "object")
      faults.schema = "Has to be an object: {…}.";
  }
  return faults;
}

function json(text: string): string | { value: unknown } {
  try {
    return { value: JSON.parse(text) };
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

/** The names of the tools, for the choice of one; none where they cannot be read. */
export function toolNames(tools: string): string[] {
  const read = tools.trim() === "" ? "" : json(tools);
  if (typeof read === "string" || !Array.isArray(read.value)) return [];
  return read.value.map((tool) => tool?.function?.name).filter((name) => typeof name === "string");
}

/** Whether anything of a turn is under way. */
export function isRunning(turn: Turn): boolean {
  return answersOf(turn).some(({ state }) => state === "streaming");
}
