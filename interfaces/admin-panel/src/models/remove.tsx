import { api, type Schema, take } from "@de/api";
import { confirm, Note } from "@de/ui";
import { ownerOf, type Row, tagOf } from "./rows.ts";
import { Naming } from "./use-tab.tsx";

/** Asks, with what names the model, and deletes it. Resolves with whether it is gone. */
export async function remove(row: Row): Promise<boolean> {
  const path = { id: row.model_id };
  const owner = ownerOf(row);
  const names = (await take(
    api.DELETE("/v1/model-configs/{id}", { params: { path, query: { ...owner, dry_run: true } } }),
  )) as unknown as Schema<"WouldDeleteModel">;
  return confirm({
    action: "Delete model",
    body: (
      <div class="form">
        <p>
          Calls to <code>{row.model_id}</code> answer 404 from then on. Its versions stay, since receipts name
          them.
        </p>
        {!names.would_delete && (
          <Note tone="warn">What is listed here keeps it: change that first, or the API refuses.</Note>
        )}
        <Naming names={names} />
      </div>
    ),
    title: `Delete ${row.model_id}?`,
    typed: row.model_id,
    work: () =>
      take(
        api.DELETE("/v1/model-configs/{id}", {
          params: { header: { "If-Match": tagOf(row) }, path, query: owner },
        }),
      ),
  });
}
