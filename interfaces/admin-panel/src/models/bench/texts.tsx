import type { FieldFault } from "@de/api";
import { Button, Note } from "@de/ui";
import { configSchema } from "../config-schema.ts";
import { type Config, changed, faultsBelow, isConfig, written } from "../draft.ts";
import { mappingSchema } from "../mapping-schema.ts";
import { Json } from "./json.tsx";

/** A text that is written; it is no JSON at the moment, or it is what the config says. */
export interface Draft {
  config: Config;
  /** The text that is being written, by the place that it is for; absent where the config says it. */
  mapping?: string;
  whole?: string;
}

/** Why a draft cannot be sent, if it cannot. */
export function broken(draft: Draft): string | null {
  if (draft.mapping !== undefined && !isObject(draft.mapping))
    return "The mapping is no JSON object at the moment.";
  if (draft.whole !== undefined && !isObject(draft.whole))
    return "The config is no JSON object at the moment.";
  return null;
}

function parsed(text: string): Config | null {
  try {
    const value: unknown = JSON.parse(text);
    return isConfig(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(text: string): boolean {
  return parsed(text) !== null;
}

interface TextProps {
  draft: Draft;
  faults: readonly FieldFault[];
  onDraft: (draft: Draft) => void;
}

/** The whole config as JSON. */
export function WholeText({ draft, faults, onDraft }: TextProps) {
  const input = (whole: string) => {
    const config = parsed(whole);
    onDraft(config ? { config, whole } : { ...draft, whole });
  };
  return (
    <Json
      label="Model config as JSON"
      faults={faults}
      schema={configSchema}
      value={draft.whole ?? written(draft.config)}
      onInput={input}
    />
  );
}

/** The mapping as JSON; of a protocol in code too, where it is checked and kept. */
export function MappingText({ draft, faults, onDraft }: TextProps) {
  const { config } = draft;
  const isMapped = config.protocol === "mapped";
  const has = isConfig(config.payload_mapping) || draft.mapping !== undefined;
  const start = () =>
    onDraft({
      config: changed(config, { payload_mapping: { endpoint: "/", body: {}, response_mapping: {} } }),
    });
  if (!has) {
    return (
      <div class="empty">
        <h2>No mapping</h2>
        <p>
          {isMapped
            ? "This model is called by a mapping, and has none yet."
            : `This model speaks ${String(config.protocol)}, which is in code: it needs none.`}
        </p>
        <Button onClick={start}>Write one</Button>
      </div>
    );
  }
  const input = (mapping: string) => {
    const payload_mapping = parsed(mapping);
    if (payload_mapping) onDraft({ config: changed(config, { payload_mapping }), mapping });
    else onDraft({ ...draft, mapping });
  };
  return (
    <>
      {!isMapped && (
        <Note>
          The protocol is <code>{String(config.protocol)}</code>, so this mapping is checked and kept, and not
          used.
        </Note>
      )}
      <Json
        label="Payload mapping as JSON"
        faults={faultsBelow(faults, "/payload_mapping")}
        schema={mappingSchema}
        value={draft.mapping ?? written(config.payload_mapping)}
        onInput={input}
      />
      <p class="small quiet">
        Ctrl+Space completes, F8 goes to the next error, Escape and then Tab leaves the editor. Examples in
        the mapping run at every save.
      </p>
    </>
  );
}
