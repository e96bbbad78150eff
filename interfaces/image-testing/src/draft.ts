import { setQuery } from "@de/ui";
import { signal } from "@preact/signals";
import type { ImageModel } from "./models.ts";
import { valuesFor } from "./options.ts";

/** What is being asked for: prompt, models, and options as they were typed. */
export interface Draft {
  models: string[];
  prompt: string;
  values: Record<string, string>;
}

/** Options stand in the address behind this. */
const OF_OPTIONS = "o.";

/** Longer prompts do not go into the address. */
const LONGEST = 1_500;

/** The draft, begun from the address. */
export const draft = signal<Draft>(fromAddress());

function fromAddress(): Draft {
  const query = new URLSearchParams(location.search);
  const options = [...query].filter(([name]) => name.startsWith(OF_OPTIONS));
  return {
    models: query.get("models")?.split(",").filter(Boolean) ?? [],
    prompt: query.get("prompt") ?? "",
    values: Object.fromEntries(options.map(([name, value]) => [name.slice(OF_OPTIONS.length), value])),
  };
}

/** How the address changes so that it says what the draft says. */
export function inAddress({ models, prompt, values }: Draft): Record<string, string | null> {
  const before = [...new URLSearchParams(location.search).keys()].filter((name) =>
    name.startsWith(OF_OPTIONS),
  );
  return {
    ...Object.fromEntries(before.map((name) => [name, null])),
    ...Object.fromEntries(Object.entries(values).map(([name, value]) => [OF_OPTIONS + name, value || null])),
    models: models.join() || null,
    prompt: prompt.length > LONGEST ? null : prompt || null,
  };
}

/** Whether the address says something else. */
export function isElsewhere(told: Draft): boolean {
  const query = Object.fromEntries(new URLSearchParams(location.search));
  const next = setQuery(location.pathname, query, inAddress(told));
  return next !== setQuery(location.pathname, query, {});
}

/** The body that a model is sent. */
export function bodyFor(model: ImageModel, { prompt, values }: Draft): Record<string, unknown> {
  const options = valuesFor(model.options, values);
  return { model_id: model.id, prompt, ...(Object.keys(options).length > 0 ? { options } : {}) };
}
