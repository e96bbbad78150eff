import { type AskPage, api, readAll, type Schema, take } from "@de/api";
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

/** All rows; again after a change, while what was there stays. */
function useAll<Row>(
  ask: (query: Parameters<AskPage<Row>>[0], signal: AbortSignal) => ReturnType<AskPage<Row>>,
): Loaded<Row[]> {
  const list = useResource(async (signal) => (await readAll((query) => ask(query, signal))).rows, []);
  const known = useRef(changes.value);
  useEffect(() => {
    if (known.current !== changes.value) void list.reload();
    known.current = changes.value;
  }, [changes.value, list.reload]);
  return list;
}
