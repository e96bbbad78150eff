import type { Model, Options } from "./models.ts";

/** A parameter of OpenAI's chat protocol that people set. */
export interface Param {
  help: string;
  kind: "integer" | "list" | "number" | "word";
  label: string;
  max?: number;
  min?: number;
  name: string;
  words?: string[];
}

export const PARAMS: readonly Param[] = [
  {
    help: "How much chance there is in the answer.",
    kind: "number",
    label: "Temperature",
    max: 2,
    min: 0,
    name: "temperature",
  },
  {
    help: "Only the likeliest tokens that together are this likely.",
    kind: "number",
    label: "Top p",
    max: 1,
    min: 0,
    name: "top_p",
  },
  {
    help: "The most tokens of the answer, thoughts included.",
    kind: "integer",
    label: "Max completion tokens",
    min: 1,
    name: "max_completion_tokens",
  },
  {
    help: "How hard a model thinks that does.",
    kind: "word",
    label: "Reasoning effort",
    name: "reasoning_effort",
    words: ["none", "minimal", "low", "medium", "high", "xhigh"],
  },
  { help: "For answers that can be had again.", kind: "integer", label: "Seed", name: "seed" },
  { help: "Texts that end the answer, one a line.", kind: "list", label: "Stop", name: "stop" },
  {
    help: "Against words that came often.",
    kind: "number",
    label: "Frequency penalty",
    max: 2,
    min: -2,
    name: "frequency_penalty",
  },
  {
    help: "Against words that came at all.",
    kind: "number",
    label: "Presence penalty",
    max: 2,
    min: -2,
    name: "presence_penalty",
  },
];

/** What a mapping calls a parameter, where that is another name. */
const IN_MAPPINGS: Record<string, string> = { max_completion_tokens: "max_tokens" };

const OF_SAMPLING = ["temperature", "top_p", "frequency_penalty", "presence_penalty"];

/** Why a parameter is not sent to a model; null where it is. A flag that is absent says nothing. */
export function whyNot(model: Model, param: string, options: Options): string | null {
  const { capabilities, model_id, protocol } = model;
  if (OF_SAMPLING.includes(param) && capabilities.sampling_params === false) return "takes no such settings";
  if (param === "reasoning_effort" && capabilities.reasoning !== true && protocol !== "mapped")
    return "does not say that it thinks";
  const known = options[model_id];
  if (known && !known[IN_MAPPINGS[param] ?? param]) return "has no such variable";
  return null;
}

/** What one of the chosen models' mappings says of a parameter, put beside what the protocol says. */
export function narrowed(param: Param, models: readonly Model[], options: Options): Param {
  const declared = models
    .map(({ model_id }) => options[model_id]?.[IN_MAPPINGS[param.name] ?? param.name])
    .filter((variable) => variable !== undefined);
  const bounds = (pick: "max" | "min") => declared.map((one) => one[pick]).filter((one) => one !== undefined);
  const [mins, maxes] = [bounds("min"), bounds("max")];
  // What one model alone would take is refused by the other.
  const lists = declared.flatMap(({ enum: list }) => (list ? [list.map(String)] : []));
  const words = lists[0]?.filter((word) => lists.every((list) => list.includes(word)));
  const described = declared.length === 1 ? declared[0]?.description : undefined;
  return {
    ...param,
    ...(described ? { help: described } : {}),
    ...(words ? { words } : {}),
    ...(mins.length > 0 ? { min: Math.max(...mins, param.min ?? Number.NEGATIVE_INFINITY) } : {}),
    ...(maxes.length > 0 ? { max: Math.min(...maxes, param.max ?? Number.POSITIVE_INFINITY) } : {}),
  };
}

/** A parameter as the body has it; undefined where nothing was typed. */
export function sentValue(param: Param, typed: string | undefined): unknown {
  if (typed === undefined || typed.trim() === "") return undefined;
  if (param.kind === "word") return typed;
  if (param.kind === "list") return typed.split("\n").filter((line) => line !== "");
  return Number(typed);
}
