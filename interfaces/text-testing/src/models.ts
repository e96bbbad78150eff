import { api, instance, type Schema, take } from "@de/api";
import { type Loaded, useResource } from "@de/ui";

export type Model = Schema<"ModelCapabilities">;

/** A variable that a mapping declares. */
export interface Variable {
  description?: string;
  enum?: readonly (number | string)[];
  max?: number;
  min?: number;
}

/** The models that make text for the instance, by their ids. */
export function useModels(): Loaded<Model[]> {
  return useResource(
    async (signal) => {
      const { data } = await take(api.GET("/v1/capabilities", { signal }));
      return data.filter(({ capabilities }) => capabilities.text);
    },
    [instance.value],
  );
}

/** The options of mapped models, by the model's id: what they declare or use. Others have no such list. */
export type Options = Record<string, Record<string, Variable>>;

const NONE: Options = {};

/** Asks for the options of those of these models that have a mapping. */
export function useOptions(models: readonly Model[]): Options {
  const mapped = models.filter(({ protocol }) => protocol === "mapped").map(({ model_id }) => model_id);
  const { data } = useResource(
    async (signal) => {
      const found: Options = {};
      for (const id of mapped) {
        const path = { id };
        const config = await take(api.GET("/v1/model-configs/{id}", { params: { path }, signal }));
        found[id] = optionsOf("payload_mapping" in config ? config.payload_mapping : null);
      }
      return found;
    },
    [mapped.join(), instance.value],
  );
  return data ?? NONE;
}

/** What a mapping declares, and what it uses without declaring it. */
export function optionsOf(mapping: unknown): Record<string, Variable> {
  const { body, headers, query, variables } = (mapping ?? {}) as {
    [part in "body" | "headers" | "query"]?: unknown;
  } & { variables?: Record<string, Variable> };
  const used = JSON.stringify([body, headers, query]).matchAll(/(?<!\{)\{([a-z_]\w*)/g);
  return { ...Object.fromEntries([...used].map(([, name]) => [name, {}])), ...variables };
}
