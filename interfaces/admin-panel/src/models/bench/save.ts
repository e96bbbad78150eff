import { api, type FieldFault, isApiError, take } from "@de/api";
import { type Config, changesOf, configOf } from "../draft.ts";
import { ownerOf, type Saved, tagOf } from "../rows.ts";

/** Makes a model of a config. The same key makes it once, however often it is sent. */
export async function create(config: Config, key: string): Promise<Saved> {
  return (await take(
    api.POST("/v1/model-configs", { body: config as never, params: { header: { "Idempotency-Key": key } } }),
  )) as Saved;
}

/** Saves what is different; what somebody else has saved meanwhile is not overwritten unless `force` says so. */
export async function update(row: Saved, config: Config, force = false): Promise<Saved> {
  const changes = changesOf(configOf(row), config);
  if (Object.keys(changes).length === 0) return row;
  return (await take(
    api.PATCH("/v1/model-configs/{id}", {
      body: changes as never,
      params: {
        ...(force ? {} : { header: { "If-Match": tagOf(row) } }),
        path: { id: row.model_id },
        query: ownerOf(row),
      },
    }),
  )) as Saved;
}

/** The newest version of a row. */
export async function newest(row: Saved): Promise<Saved> {
  const params = { path: { id: row.model_id }, query: ownerOf(row) };
  return (await take(api.GET("/v1/model-configs/{id}", { params }))) as Saved;
}

/** Whether somebody else was faster. */
export function isOvertaken(thrown: unknown): boolean {
  return isApiError(thrown) && thrown.status === 412;
}

/** It is saved, though a limiter does not know of it yet. */
export function isSavedAnyway(thrown: unknown): boolean {
  return isApiError(thrown) && thrown.code === "LIMITER_UNAVAILABLE" && "saved" in thrown.details;
}

/** What a save was refused for, by fields: those of a list, or the one whose name is taken. */
export function refusedFields(thrown: unknown): FieldFault[] {
  if (!isApiError(thrown)) return [];
  if (thrown.fields.length > 0) return thrown.fields;
  const field = thrown.details.field;
  if (typeof field !== "string") return [];
  return [{ pointer: field.startsWith("/") ? field : `/${field}`, reason: thrown.message }];
}
