import { api, take } from "@de/api";
import { ownerOf, type Row } from "./rows.ts";

/** Hands a model out as a file, in the form that an import reads. */
export async function download(row: Row): Promise<void> {
  const params = { path: { id: row.model_id }, query: ownerOf(row) };
  const file = await take(api.GET("/v1/model-configs/{id}/export", { params }));
  const blob = new Blob([`${JSON.stringify(file, null, 2)}\n`], { type: "application/json" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${row.model_id.replaceAll("/", "__")}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
