import { api, readAll, take } from "@de/api";
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
    const { rows } = await readAll((page) => {
      const query = { ...page, status: "active" as const, type, ...own };
      return take(api.GET("/v1/model-configs", { params: { query }, signal }));
    });
    return rows;
  };
  const lists = await Promise.all([ask({}), organization ? ask({ organization_id: organization }) : []]);
  return [...new Set(lists.flat().map(({ model_id }) => model_id))].sort();
}
