import { api, person, readAll, type Schema, take } from "@de/api";
import { type Loaded, useResource } from "@de/ui";

export type Limits = Schema<"Limits">;
export type Budgets = Schema<"Budgets">;
export type Scope = Schema<"LimitScope">;
export type Period = Schema<"BudgetPeriod">;

export const SCOPES: readonly Scope[] = ["organization", "instance", "project", "key", "model", "provider"];
export const PERIODS: readonly Period[] = ["day", "week", "month", "total"];

/** Limits by their member's name, and what they count. */
export const KINDS = [
  ["requests_per_minute", "requests a minute"],
  ["requests_per_hour", "requests an hour"],
  ["requests_per_day", "requests a day"],
  ["tokens_per_minute", "tokens a minute"],
  ["tokens_per_hour", "tokens an hour"],
  ["tokens_per_day", "tokens a day"],
  ["concurrent", "calls at once"],
] as const;

export const PERIOD_WORDS: Record<string, string> = {
  day: "a day",
  month: "a month",
  total: "in all",
  week: "a week",
};

/** What limits and budgets are of: models, providers and the keys of persons are meant within an instance. */
export interface Place {
  id: string;
  instance: string | null;
  scope: Scope;
}

/** A scope with whatever is set for it. */
export interface Row {
  budgets: Budgets | null;
  limits: Limits | null;
  place: Place;
}

export function keyOf({ id, instance, scope }: Place): string {
  return `${scope}/${id}/${instance ?? ""}`;
}

/** What the address says while the limits of a scope are open. */
export function editing({ id, instance, scope }: Place): Record<string, string | null> {
  return { edit: scope, edit_id: id, edit_instance: instance, tab: null };
}

/** Whether a scope's id alone may not say in which instance it counts: a person's key acts in several. */
export function needsInstance(scope: Scope): boolean {
  return scope === "key" || scope === "model" || scope === "provider";
}

const PAGES = 4;
type Query = Record<string, string>;

/** All scopes of a tenant that have limits or budgets, with what is used: as many pages as a page can show. */
export async function rowsOf(
  query: Query,
  signal: AbortSignal,
): Promise<{ isCut: boolean; rows: readonly Row[] }> {
  const [limits, budgets] = await Promise.all([
    readAll(
      (page) => take(api.GET("/v1/limits", { params: { query: { ...query, ...page } }, signal })),
      PAGES,
    ),
    readAll(
      (page) => take(api.GET("/v1/budgets", { params: { query: { ...query, ...page } }, signal })),
      PAGES,
    ),
  ]);
  const rows = new Map<string, Row>();
  const at = (one: Budgets | Limits): Row => {
    const place: Place = { id: one.scope_id, instance: one.instance_id, scope: one.scope as Scope };
    const row = rows.get(keyOf(place)) ?? { budgets: null, limits: null, place };
    rows.set(keyOf(place), row);
    return row;
  };
  for (const one of limits.rows) at(one).limits = one;
  for (const one of budgets.rows) at(one).budgets = one;
  const order = ({ place }: Row) => SCOPES.indexOf(place.scope);
  return {
    isCut: limits.isCut || budgets.isCut,
    rows: [...rows.values()].sort(
      (a, b) => order(a) - order(b) || a.place.id.localeCompare(b.place.id, "en"),
    ),
  };
}

/** Instances that one may change though one administers no organization: those with a grant that says so. */
export function useGranted(): Loaded<ReadonlySet<string>> {
  return useResource(async (signal) => {
    const me = person.value;
    if (me?.role !== "user") return new Set<string>();
    const params = { path: { id: me.id }, query: { limit: 200 } };
    const { data } = await take(api.GET("/v1/users/{id}/grants", { params, signal }));
    return new Set(
      data.filter(({ role }) => role === "admin" || role === "owner").map(({ instance_id }) => instance_id),
    );
  }, []);
}

/** How many names are asked for: those of more scopes are told by their ids. */
const NAMED = 60;

/** What the projects and keys among some scopes are called. */
export async function namesOf(
  rows: readonly Row[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const names = rows.slice(0, NAMED).map(async ({ place }): Promise<[string, string]> => {
    const params = { path: { id: place.id } };
    if (place.scope === "project") {
      return [place.id, (await take(api.GET("/v1/projects/{id}", { params, signal }))).name];
    }
    if (place.scope === "key") {
      const { last_four, name } = await take(api.GET("/v1/api-keys/{id}", { params, signal }));
      return [place.id, `${name} …${last_four}`];
    }
    return [place.id, place.id];
  });
  const known = await Promise.allSettled(names);
  return new Map(known.flatMap((one) => (one.status === "fulfilled" ? [one.value] : [])));
}
