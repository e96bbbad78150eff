import { api, instance, isApiError, readAll, take } from "@de/api";
import { type Loaded, useResource } from "@de/ui";
import { type Option, optionsOf } from "./options.ts";

export interface ImageModel {
  /** False where the instance has no key for its provider; undefined where one may not know. */
  hasKey: boolean | undefined;
  id: string;
  name: string;
  options: Option[];
  provider: string;
  status: string;
}

/** Libraries of pictures that are there already: they are searched, and make none. */
const LIBRARIES = ["pexels", "pixabay"];

/** The models that make pictures for the instance. */
export function useImageModels(): Loaded<ImageModel[]> {
  return useResource(
    async (signal) => {
      const [keys, models] = await Promise.all([providersWithKey(signal), all(signal)]);
      const times = Object.groupBy(models, ({ name }) => name);
      return models.map((model) => ({
        ...model,
        hasKey: keys?.has(model.provider),
        // Names are for people, and need not be one model's alone.
        name: (times[model.name]?.length ?? 0) > 1 ? `${model.name} (${model.id})` : model.name,
      }));
    },
    [instance.value],
  );
}

async function all(signal: AbortSignal): Promise<Omit<ImageModel, "hasKey">[]> {
  const { rows } = await readAll((page) => {
    const query = { ...page, type: "image" as const };
    return take(api.GET("/v1/model-configs", { params: { query }, signal }));
  });
  // One that cannot be read is mended in the admin panel.
  const makers = rows.filter((row) => "protocol" in row);
  const asked = makers.filter(
    ({ protocol, status }) => !LIBRARIES.includes(protocol) && status !== "disabled",
  );
  return Promise.all(
    asked.map(async (row) => ({
      id: row.model_id,
      name: row.display_name,
      options: optionsOf(row, row.protocol === "mapped" ? null : await optionsTold(row.model_id, signal)),
      provider: row.provider_id,
      status: row.status ?? "active",
    })),
  );
}

/** What a model of a protocol that is built in takes: its config says nothing of that. */
async function optionsTold(model: string, signal: AbortSignal) {
  if (instance.peek() === null) return null;
  try {
    const { data } = await take(api.GET("/v1/capabilities", { params: { query: { model } }, signal }));
    return data[0]?.options;
  } catch (thrown) {
    // One that this instance may not call can be told nothing.
    if (isApiError(thrown) && (thrown.status === 403 || thrown.status === 404)) return null;
    throw thrown;
  }
}

async function providersWithKey(signal: AbortSignal): Promise<Set<string> | undefined> {
  const instance_id = instance.peek();
  if (instance_id === null) return undefined;
  try {
    const query = { instance_id, limit: 200 };
    const { data } = await take(api.GET("/v1/provider-keys", { params: { query }, signal }));
    return new Set(data.map(({ provider_id }) => provider_id));
  } catch {
    return undefined;
  }
}
