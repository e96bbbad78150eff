/** What a model can be told beside the prompt: the form is built of it. */
import type { Schema } from "@de/api";

export interface Option {
  /** The words that it takes; others are refused. */
  choices?: string[];
  kind: "boolean" | "integer" | "number" | "text";
  help?: string;
  max?: number;
  min?: number;
  name: string;
  required?: boolean;
}

/** What is read of a model config. */
export interface Config {
  payload_mapping?: unknown;
  protocol: string;
}

interface Variable {
  description?: string | null;
  enum?: string[] | null;
  max?: number | null;
  min?: number | null;
  required?: boolean;
  type?: string;
}

/** An option as the API tells it of a protocol that is built in. */
type Told = Schema<"CallOption">;

interface Mapping {
  body?: unknown;
  endpoint?: string;
  headers?: unknown;
  maps?: Record<string, Record<string, unknown>>;
  query?: unknown;
  variables?: Record<string, Variable>;
}

/** Ours or the prompt itself, and files, which belong to an edit. */
const NO_OPTIONS = [
  "image",
  "job_id",
  "mask",
  "model",
  "prompt",
  "request_id",
  "stream",
  "user",
  "user_prompt",
  "user_text",
];

const MAPPED_KINDS: Record<string, Option["kind"]> = {
  boolean: "boolean",
  integer: "integer",
  number: "number",
};

/** The options of one model: those that the API tells of its protocol, else those of its mapping, in its order. */
export function optionsOf(config: Config, told: readonly Told[] | null | undefined): Option[] {
  if (told) return told.map((option) => declared(option.name, option));
  if (config.protocol !== "mapped") return [];
  const mapping = (config.payload_mapping ?? {}) as Mapping;
  const { maps = {}, variables = {} } = mapping;
  const text = JSON.stringify([mapping.endpoint, mapping.query, mapping.headers, mapping.body]);
  const options = new Map<string, Option>();
  const add = (name: string, table?: string) => {
    if (NO_OPTIONS.includes(name)) return;
    const known = options.get(name) ?? declared(name, variables[name] ?? {});
    const rows = Object.keys(maps[table ?? ""] ?? {});
    const isClosed = rows.length > 0 && !rows.includes("*") && !known.choices;
    options.set(name, isClosed ? { ...known, choices: rows } : known);
  };
  for (const name of Object.keys(variables)) add(name);
  // A variable that is used counts too, and a table that it is looked up in has the words that it takes.
  for (const [, name = "", filters = ""] of text.matchAll(/(?<!\{)\{([a-z_]\w*)([^{}]*)\}/g))
    add(name, /\|map:(\w+)/.exec(filters)?.[1]);
  return [...options.values()];
}

function declared(name: string, variable: Variable): Option {
  return {
    ...(variable.enum ? { choices: variable.enum.map(String) } : {}),
    ...(variable.description ? { help: variable.description } : {}),
    kind: MAPPED_KINDS[variable.type ?? ""] ?? "text",
    ...(variable.max == null ? {} : { max: variable.max }),
    ...(variable.min == null ? {} : { min: variable.min }),
    name,
    ...(variable.required ? { required: true } : {}),
  };
}

/** One field of the form: an option, and which of the chosen models take it. */
export interface Field extends Option {
  /** The models that take it; of a choice those that take it, by the word. */
  by: string[];
  choicesBy: Record<string, string[]>;
}

/** The fields for several models: each option once, with all words that some model takes. */
export function fieldsOf(models: readonly { id: string; options: readonly Option[] }[]): Field[] {
  const fields = new Map<string, Field>();
  for (const { id, options } of models) {
    for (const option of options) {
      const before = fields.get(option.name);
      const choicesBy = { ...before?.choicesBy };
      for (const choice of option.choices ?? []) choicesBy[choice] = [...(choicesBy[choice] ?? []), id];
      // Where one model takes any text, any may be typed.
      const isClosed = option.choices !== undefined && (before === undefined || before.choices !== undefined);
      const { choices: _, ...rest } = { ...option, ...before };
      fields.set(option.name, {
        ...rest,
        ...widest(option, before),
        ...(isClosed ? { choices: Object.keys(choicesBy) } : {}),
        by: [...(before?.by ?? []), id],
        choicesBy,
      });
    }
  }
  // What is most asked for comes first, the rest as the models have it.
  const rank = (name: string) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  return [...fields.values()].toSorted((left, right) => rank(left.name) - rank(right.name));
}

const FIRST = ["num_images", "n", "aspect_ratio", "size", "quality", "style", "negative_prompt", "seed"];

function widest(option: Option, before: Option | undefined): Pick<Option, "max" | "min"> {
  if (!before) return {};
  const [max, min] = [
    option.max === undefined || before.max === undefined ? undefined : Math.max(option.max, before.max),
    option.min === undefined || before.min === undefined ? undefined : Math.min(option.min, before.min),
  ];
  return { ...(max === undefined ? {} : { max }), ...(min === undefined ? {} : { min }) };
}

/** The options that a model is sent, of those that were typed: what it does not take is not sent to it. */
export function valuesFor(
  options: readonly Option[],
  typed: Record<string, string>,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const { kind, name } of options) {
    const text = typed[name]?.trim() ?? "";
    if (text === "") continue;
    if (kind === "boolean") values[name] = text === "true";
    else values[name] = kind === "text" ? text : Number(text);
  }
  return values;
}

/** A name as people read it. */
export function labelOf(name: string): string {
  if (name === "n" || name === "num_images") return "Number of pictures";
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
