import { useInstance as actFor, instance } from "@de/api";
import { query as asked, setQuery } from "@de/ui";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";

/** What calls may be narrowed by, by their names in the address. */
export const FILTERS = ["project", "key", "model", "provider", "modality", "status", "error"] as const;

export type FilterName = (typeof FILTERS)[number];
export type Filters = Partial<Record<FilterName, string>>;

/** What the address asks for. */
export interface Address {
  /** Changes what is looked at; the way back is the browser's. */
  change: (changes: Record<string, string | null>) => void;
  filters: Filters;
  /** Whether the page asks again by itself. */
  live: boolean;
  query: Record<string, string>;
  /** Changes how it is shown, which is no step to go back. */
  show: (changes: Record<string, string | null>) => void;
  /** The panels that are shown as tables. */
  tables: readonly string[];
}

/** Reads the address. What is chosen in the frame, the instance, is in it too. */
export function useAddress(): Address {
  const { path, query, route } = useLocation();
  // The address as it is then, not as it was when this was rendered.
  const go = (changes: Record<string, string | null>, replace: boolean) =>
    route(setQuery(path, asked(), changes), replace);
  const show = (changes: Record<string, string | null>) => go(changes, true);
  // Before anything is asked for: whoever follows a link sees the instance that it is about.
  useState(() => query.instance && query.instance !== instance.peek() && actFor(query.instance));
  const chosen = instance.value;
  useEffect(() => {
    if (query.instance && query.instance !== chosen) actFor(query.instance);
  }, [query.instance]);
  useEffect(() => {
    const before = asked().instance;
    if (chosen === (before ?? null)) return;
    // Projects and keys are those of one instance.
    if (before) show({ instance: chosen, key: null, project: null });
    else show({ instance: chosen });
  }, [chosen]);
  const filters: Filters = {};
  for (const name of FILTERS) if (query[name]) filters[name] = query[name];
  return {
    change: (changes) => go(changes, false),
    filters,
    live: query.live !== "off",
    query,
    show,
    tables: query.table?.split(",") ?? [],
  };
}

/** The same as the API's parameters. */
export function parametersOf(filters: Filters): Record<string, string> {
  const names: Record<FilterName, string> = {
    error: "error_code",
    key: "api_key_id",
    modality: "modality",
    model: "model_id",
    project: "project_id",
    provider: "provider_id",
    status: "status",
  };
  return Object.fromEntries(FILTERS.flatMap((name) => (filters[name] ? [[names[name], filters[name]]] : [])));
}
