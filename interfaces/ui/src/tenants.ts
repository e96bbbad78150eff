import { api, type Schema, take } from "@de/api";
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type Loaded, useResource } from "./resource.tsx";

/** Counts what was made or taken away, so that lists of names are asked for again. */
const changes = signal(0);

/** Says that instances, projects or organizations are others now. */
export function tenantsChanged(): void {
  changes.value += 1;
}

/** All organizations that the person may see. */
export function useOrganizations(): Loaded<Schema<"Organization">[]> {
  return useAll((query, signal) => take(api.GET("/v1/organizations", { params: { query }, signal })));
}

/** All instances that the person may see. */
export function useInstances(): Loaded<Schema<"Instance">[]> {
  return useAll((query, signal) => take(api.GET("/v1/instances", { params: { query }, signal })));
}

/** All projects that the person may see. */
export function useProjects(): Loaded<Schema<"Project">[]> {
  return useAll((query, signal) => take(api.GET("/v1/projects", { params: { query }, signal })));
}

type Ask<Row> = (
  query: { cursor?: string; limit: number },
  signal: AbortSignal,
) => Promise<{ data: Row[]; next_cursor?: string | null }>;

/** Pages of 200, until there are no more; again after a change, while what was there stays. */
function useAll<Row>(ask: Ask<Row>): Loaded<Row[]> {
  const list = useResource(async (signal) => {
    const all: Row[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await ask(cursor ? { cursor, limit: 200 } : { limit: 200 }, signal);
      all.push(...page.data);
      cursor = page.next_cursor;
    } while (cursor);
    return all;
  }, []);
  const known = useRef(changes.value);
  useEffect(() => {
    if (known.current !== changes.value) void list.reload();
    known.current = changes.value;
  }, [changes.value, list.reload]);
  return list;
}
