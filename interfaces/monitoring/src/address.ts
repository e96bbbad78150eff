import { useInstance as actFor, instance } from "@de/api";
import { useQuery } from "@de/ui";
import { useEffect, useState } from "preact/hooks";

/** What calls may be narrowed by, by their names in the address. */
export const FILTERS = ["project", "key", "model", "provider", "modality", "status", "error"] as const;

export type FilterName = (typeof FILTERS)[number];
export type Filters = Partial<Record<FilterName, string>>;

/** What the address asks for. */
export interface Address {
  change: (changes: Record<string, string | null>) => void;
  filters: Filters;
  /** Whether the page asks again by itself. */
  live: boolean;
  query: Record<string, string>;
  /** The panels that are shown as tables. */
  tables: readonly string[];
}

/** Reads the address. What is chosen in the frame, the instance, is in it too. */
export function useAddress(): Address {
  const [query, change] = useQuery();
  // Before anything is asked for: whoever follows a link sees the instance that it is about.
  useState(() => query.instance && query.instance !== instance.peek() && actFor(query.instance));
  const chosen = instance.value;
  useEffect(() => {
    if (chosen === (query.instance ?? null)) return;
    // Projects and keys are those of one instance.
    if (query.instance) change({ instance: chosen, key: null, project: null });
    else change({ instance: chosen });
  }, [chosen]);
  const filters: Filters = {};
  for (const name of FILTERS) if (query[name]) filters[name] = query[name];
  return {
    change,
    filters,
    live: query.live !== "off",
    query,
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
