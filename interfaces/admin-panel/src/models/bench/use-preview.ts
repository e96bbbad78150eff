import { api, type FieldFault, type Schema, take } from "@de/api";
import { useEffect, useState } from "preact/hooks";
import type { Config } from "../draft.ts";
import { isSame } from "../draft.ts";

export interface Previewed {
  data: Schema<"Preview"> | undefined;
  error: unknown;
  /** An answer to what is written now is under way. */
  isPending: boolean;
}

interface Asked {
  config: Config;
  input: Config;
  owner: { organization_id?: string };
  /** The saved config, where there is one: what is the same as that is asked for by its id. */
  saved: Config | null;
}

/** How long nothing has to be typed before the API is asked. */
const PAUSE_MS = 300;

/** What the model would send, asked for anew a moment after something was changed. Null asks nothing. */
export function usePreview(asked: Asked | null): Previewed {
  const [state, setState] = useState<Previewed>({ data: undefined, error: null, isPending: true });
  const key = asked && JSON.stringify(asked);
  useEffect(() => {
    if (!asked) return;
    const control = new AbortController();
    setState((before) => ({ ...before, isPending: true }));
    const timer = setTimeout(async () => {
      try {
        const data = await ask(asked, control.signal);
        if (!control.signal.aborted) setState({ data, error: null, isPending: false });
      } catch (error) {
        if (!control.signal.aborted) setState((before) => ({ ...before, error, isPending: false }));
      }
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [key]);
  return state;
}

async function ask({ config, input, owner, saved }: Asked, signal: AbortSignal): Promise<Schema<"Preview">> {
  if (saved && isSame(config, saved)) {
    const path = { id: String(config.model_id) };
    return take(
      api.POST("/v1/model-configs/{id}/preview", { body: { input }, params: { path, query: owner }, signal }),
    );
  }
  // Somebody who has not thought of a name yet wants to see a request all the same.
  const named = {
    ...config,
    model_id: config.model_id || "unnamed-model",
    display_name: config.display_name || "-",
  };
  return take(
    api.POST("/v1/model-configs/preview", {
      body: { config: named, input },
      params: { query: owner },
      signal,
    }),
  );
}

/** What a preview says of the config, by pointers into it. */
export function configFaults(preview: Schema<"Preview"> | undefined): FieldFault[] {
  return (preview?.issues ?? []).flatMap(({ pointer, reason }) => {
    const match = /^\/(config|mapping)(\/.*|)$/.exec(pointer);
    if (!match) return [];
    return [{ pointer: match[1] === "mapping" ? `/payload_mapping${match[2]}` : (match[2] ?? ""), reason }];
  });
}
