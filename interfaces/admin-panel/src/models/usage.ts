import { api, instance, type Schema, take } from "@de/api";
import { isReadable, type Row } from "./rows.ts";

/** What 30 days of calls of one model came to. */
export interface Use {
  costMicros: number;
  errors: number;
  projects: number;
  requests: number;
}

/** The first moment of what "the last 30 days" means: a full hour, since sums are kept by the hour. */
export function monthAgo(now = Date.now()): string {
  return new Date(now - 30 * 86_400_000).toISOString();
}

/** What each model came to in 30 days, over everything that the person may see. */
export async function loadUse(signal: AbortSignal): Promise<Map<string, Use>> {
  const query = { from: monthAgo(), group_by: "model,project" };
  // The other form is a table of text, which nobody asks for here.
  const { data } = (await take(api.GET("/v1/usage", { params: { query }, signal }))) as Schema<"UsageReport">;
  const uses = new Map<string, Use>();
  for (const row of data) {
    if (!row.model_id) continue;
    const before = uses.get(row.model_id) ?? { costMicros: 0, errors: 0, projects: 0, requests: 0 };
    uses.set(row.model_id, {
      costMicros: before.costMicros + row.cost_micros,
      errors: before.errors + row.errors,
      projects: before.projects + (row.project_id ? 1 : 0),
      requests: before.requests + row.requests,
    });
  }
  return uses;
}

/** The models that fall back to one of these names, and the names of the instance's defaults. */
export function fallbackOf(models: readonly Row[]): Map<string, string[]> {
  const named = new Map<string, string[]>();
  for (const model of models) {
    if (!isReadable(model)) continue;
    for (const fallback of model.fallbacks ?? []) {
      const name = typeof fallback === "string" ? fallback : fallback.model_id;
      named.set(name, [...(named.get(name) ?? []), model.model_id]);
    }
  }
  return named;
}

/** For what the instance takes a model when a call names none, by the model's name. */
export async function loadDefaults(signal: AbortSignal): Promise<Map<string, string[]>> {
  const named = new Map<string, string[]>();
  if (instance.value === null) return named;
  const path = { id: instance.value };
  const { default_models } = await take(api.GET("/v1/instances/{id}", { params: { path }, signal }));
  for (const [modality, name] of Object.entries(default_models ?? {})) {
    if (typeof name === "string") named.set(name, [...(named.get(name) ?? []), modality]);
  }
  return named;
}
