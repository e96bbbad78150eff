import { api, take } from "@de/api";
import { type Loaded, useResource } from "@de/ui";

const KINDS = ["text", "image", "audio", "video"] as const;

/** What models do, in the API's words. */
export type Kind = (typeof KINDS)[number];
export type ModelsByKind = Record<Kind, string[]>;

/** The ids of the models that are active, by what they do: the shared ones, and an organization's own. */
export function useModelsByKind(organization: string | undefined): Loaded<ModelsByKind> {
  return useResource(
    async (signal) => {
      const lists = await Promise.all(KINDS.map((kind) => idsOf(kind, organization, signal)));
      return Object.fromEntries(KINDS.map((kind, at) => [kind, lists[at] ?? []])) as ModelsByKind;
    },
    [organization],
  );
}

async function idsOf(type: Kind, organization: string | undefined, signal: AbortSignal): Promise<string[]> {
  const ask = async (own: { organization_id?: string }) => {
    const query = { limit: 200, status: "active" as const, type, ...own };
    return (await take(api.GET("/v1/model-configs", { params: { query }, signal }))).data;
  };
  const lists = await Promise.all([ask({}), organization ? ask({ organization_id: organization }) : []]);
  return [...new Set(lists.flat().map(({ model_id }) => model_id))].sort();
}
