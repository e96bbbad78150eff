import { api, type Schema, take } from "@de/api";
import { confirm, count } from "@de/ui";
import { ownerOf } from "../models/rows.ts";
import type { Provider } from "./draft.ts";

const NAMES: Record<string, readonly [one: string, many: string]> = {
  model_configs: ["model", "models"],
  provider_keys: ["key", "keys"],
};

/** Asks, with all that would go too, and deletes a provider. Resolves with whether it is gone. */
export async function removeProvider(row: Provider, tag: string): Promise<boolean> {
  const path = { id: row.id };
  const query = { ...ownerOf(row), dry_run: true };
  const { would_delete } = (await take(
    api.DELETE("/v1/providers/{id}", { params: { path, query } }),
  )) as unknown as Schema<"WouldDelete">;
  const below = Object.entries(would_delete).filter(([, number]) => number > 0);
  return confirm({
    action: "Delete provider",
    body:
      below.length === 0 ? (
        <p>No model and no key hangs on it.</p>
      ) : (
        <div class="form">
          <p>These go with it{row.organization_id ? "" : ", of all organizations"}:</p>
          <ul class="naming">
            {below.map(([kind, number]) => (
              <li key={kind}>
                {count(number)} {NAMES[kind]?.[number === 1 ? 0 : 1] ?? kind.replaceAll("_", " ")}
              </li>
            ))}
          </ul>
        </div>
      ),
    title: `Delete ${row.display_name}?`,
    ...(below.length > 0 && { typed: row.id }),
    work: () =>
      take(
        api.DELETE("/v1/providers/{id}", {
          params: {
            header: { "If-Match": tag },
            path,
            query: { ...ownerOf(row), cascade: below.length > 0 },
          },
        }),
      ),
  });
}
