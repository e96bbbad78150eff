import { AdminLink, Badge, Button, count, Dialog, money, Tag, TextField } from "@de/ui";
import { useState } from "preact/hooks";
import { MOST_MODELS } from "./model-strip.tsx";
import type { Model } from "./models.ts";

interface PickerProps {
  all: readonly Model[];
  choose: (ids: string[]) => void;
  chosen: readonly string[];
  onClose: () => void;
}

/** All models that make text, to choose some. */
export default function ModelPicker({ all, choose, chosen, onClose }: PickerProps) {
  const [text, setText] = useState("");
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all.filter(({ capabilities, display_name, model_id, provider_id }) => {
    const flags = Object.entries(capabilities).filter(([, can]) => can);
    const told = [display_name, model_id, provider_id, ...flags.map(([flag]) => flag)]
      .join(" ")
      .toLowerCase();
    return words.every((word) => told.includes(word));
  });
  const providers = [...new Set(found.map(({ provider_id }) => provider_id))];
  const isFull = chosen.length >= MOST_MODELS;
  const toggle = (id: string) =>
    choose(chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id]);
  return (
    <Dialog title="Models" size="large" onClose={onClose}>
      <TextField
        label="Find"
        type="search"
        placeholder="name, provider, vision, tools, reasoning…"
        value={text}
        onInput={setText}
      />
      <div class="picker">
        {providers.map((provider) => (
          <fieldset key={provider}>
            <legend>{provider}</legend>
            {found
              .filter(({ provider_id }) => provider_id === provider)
              .map((model) => {
                const isChosen = chosen.includes(model.model_id);
                return (
                  <label key={model.model_id} class="picker-row">
                    <input
                      type="checkbox"
                      checked={isChosen}
                      disabled={isFull && !isChosen}
                      onInput={() => toggle(model.model_id)}
                    />
                    <span class="picker-name">
                      {model.display_name} {model.status !== "active" && <Badge>{model.status}</Badge>}
                      <code class="quiet">{model.model_id}</code>
                    </span>
                    <span class="row picker-flags">
                      {FLAGS.filter((flag) => model.capabilities[flag]).map((flag) => (
                        <Tag key={flag}>{flag.replaceAll("_", " ")}</Tag>
                      ))}
                    </span>
                    <span class="quiet small picker-price">
                      <span>{price(model)}</span> <span>{context(model)}</span>
                    </span>
                  </label>
                );
              })}
          </fieldset>
        ))}
        {found.length === 0 && (
          <p class="empty">
            {all.length === 0 ? (
              <>
                No model makes text for this instance.{" "}
                <AdminLink path="/models">Add one in the admin panel</AdminLink>, and{" "}
                <AdminLink path="/provider-keys">its provider's key</AdminLink>.
              </>
            ) : (
              "No model is called so."
            )}
          </p>
        )}
      </div>
      <div class="form-end">
        <span class="quiet">
          {chosen.length} of at most {MOST_MODELS}
        </span>
        <Button kind="primary" onClick={onClose}>
          Done
        </Button>
      </div>
    </Dialog>
  );
}

const FLAGS = ["vision", "tools", "structured_output", "reasoning"] as const;

function price({ pricing }: Model): string {
  const input = pricing?.input_micros_per_million_tokens;
  const output = pricing?.output_micros_per_million_tokens;
  if (typeof input !== "number" || typeof output !== "number") return "no price";
  return `${money(input)} in, ${money(output)} out a million`;
}

function context({ context_window: tokens }: Model): string {
  return typeof tokens === "number" ? `${count(tokens)} tokens of context` : "";
}
