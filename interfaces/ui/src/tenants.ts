import { api, type Schema, take } from "@de/api";
import { signal } from "@preact/signals";
import { type Loaded, useResource } from "./resource.tsx";

/** Counts what was made or taken away, so that lists of names are asked for again. */
const changes = signal(0);

/** Says that instances, projects or organizations are others now. */
export function tenantsChanged(): void {
  changes.value += 1;
}

/** All instances that the person may see: pages of 200, until there are no more. */
export function useInstances(): Loaded<Schema<"Instance">[]> {
  return useResource(
    async (signal) => {
      const all: Schema<"Instance">[] = [];
      let cursor: string | null | undefined;
      do {
        const query = cursor ? { cursor, limit: 200 } : { limit: 200 };
        const page = await take(api.GET("/v1/instances", { params: { query }, signal }));
        all.push(...page.data);
        cursor = page.next_cursor;
      } while (cursor);
      return all;
    },
    [changes.value],
  );
}
