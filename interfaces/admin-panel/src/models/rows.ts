import { api, isAdministrator, isOperator, person, readAll, type Schema, take } from "@de/api";
import { type Loaded, setQuery, useResource } from "@de/ui";

export type Saved = Schema<"SavedModelConfig">;
export type Unreadable = Schema<"UnreadableModelConfig">;
export type Row = Saved | Unreadable;
export type Provider = Schema<"Provider">;

/** What models make or do: the words by which they are looked for. */
export const KINDS = ["text", "image", "audio", "video", "embeddings", "transcription"] as const;
export type Kind = (typeof KINDS)[number];

/** Whether the current version of a model can be read. */
export function isReadable(row: Row): row is Saved {
  return !("error" in row);
}

/** What a model makes or does. */
export function kindsOf(capabilities: Partial<Record<string, unknown>>): Kind[] {
  return KINDS.filter((kind) => capabilities[kind] === true);
}

/** Whether the person may change a model or provider: shared ones belong to who operates the service. */
export function mayChange(row: { organization_id?: string | null }): boolean {
  if (isOperator.value) return true;
  return (
    isAdministrator.value && !!row.organization_id && row.organization_id === person.value?.organization_id
  );
}

/** Whose a model is, where that has to be said: who operates the service reads the shared one otherwise. */
export function ownerOf(row: { organization_id?: string | null }): { organization_id?: string } {
  return isOperator.value && row.organization_id ? { organization_id: row.organization_id } : {};
}

/** Where a model is shown. */
export function modelHref(row: { model_id: string; organization_id?: string | null }): string {
  return setQuery(`/models/${encodeURIComponent(row.model_id)}`, {}, ownerOf(row));
}

/** Where a provider is shown. */
export function providerHref(row: { id: string; organization_id?: string | null }): string {
  return setQuery(`/providers/${encodeURIComponent(row.id)}`, {}, ownerOf(row));
}

/** The `ETag` of a model is its version, with whose it is: a row of a list has no header of its own. */
export function tagOf(row: { organization_id: string | null; version: number }): string {
  return row.organization_id === null ? `"${row.version}"` : `"${row.version}-${row.organization_id}"`;
}

/** All models that the person may see. */
export async function loadModels(signal: AbortSignal): Promise<Row[]> {
  return (await readAll((query) => take(api.GET("/v1/model-configs", { params: { query }, signal })))).rows;
}

/** All providers that the person may see. */
export async function loadProviders(signal: AbortSignal): Promise<Provider[]> {
  return (await readAll((query) => take(api.GET("/v1/providers", { params: { query }, signal })))).rows;
}

/** The keys that an instance has for vendors; none where there is no instance. */
export function useProviderKeys(instance: string | null): Loaded<Schema<"ProviderKey">[]> {
  return useResource(
    async (signal) => {
      if (instance === null) return [];
      const { rows } = await readAll((page) => {
        const query = { ...page, instance_id: instance };
        return take(api.GET("/v1/provider-keys", { params: { query }, signal }));
      });
      return rows;
    },
    [instance],
  );
}

export function useProviders(): Loaded<Provider[]> {
  return useResource(loadProviders, []);
}

export function useModels(): Loaded<Row[]> {
  return useResource(loadModels, []);
}
