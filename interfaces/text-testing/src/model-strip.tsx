import { Badge, Button, Icon, later } from "@de/ui";
import { useState } from "preact/hooks";
import type { Model } from "./models.ts";

const ModelPicker = later(() => import("./model-picker.tsx"));

/** How many models answer at once. */
export const MOST_MODELS = 6;

interface StripProps {
  all: readonly Model[] | undefined;
  choose: (ids: string[]) => void;
  chosen: readonly string[];
}

/** Who is asked. */
export function ModelStrip({ all, choose, chosen }: StripProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <section class="strip" aria-label="Models">
      {chosen.map((id) => {
        const model = all?.find(({ model_id }) => model_id === id);
        const name = model?.display_name ?? id;
        return (
          <span key={id} class="chip">
            <span class="chip-name">
              {name}
              {model && <span class="quiet"> {model.provider_id}</span>}
            </span>
            {model && model.status !== "active" && <Badge>{model.status}</Badge>}
            {all && !model && <Badge tone="bad">not here</Badge>}
            <Button
              kind="plain"
              size="small"
              aria-label={`Remove ${name}`}
              onClick={() => choose(chosen.filter((one) => one !== id))}
            >
              <Icon name="close" />
            </Button>
          </span>
        );
      })}
      <Button size="small" kind={chosen.length === 0 ? "primary" : "usual"} onClick={() => setOpen(true)}>
        <Icon name="plus" /> {chosen.length === 0 ? "Choose a model" : "Models"}
      </Button>
      {isOpen && all && (
        <ModelPicker all={all} chosen={chosen} choose={choose} onClose={() => setOpen(false)} />
      )}
    </section>
  );
}
