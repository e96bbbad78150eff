import { AdminLink, Badge, Button, useQuery } from "@de/ui";
import { useEffect } from "preact/hooks";
import { bodyFor, draft, inAddress, isElsewhere } from "./draft.ts";
import type { ImageModel } from "./models.ts";
import { OptionFields } from "./option-fields.tsx";
import { fieldsOf } from "./options.ts";
import { begin } from "./runs.ts";

/** How many models work at once: each is watched by a line of its own, and a browser has six. */
const MOST_MODELS = 4;

/** What is ordered, and of whom. */
export function OrderForm({ all, usual }: { all: readonly ImageModel[] | undefined; usual: string | null }) {
  const [, change] = useQuery();
  const now = draft.value;
  const chosen = (all ?? []).filter(({ id }) => now.models.includes(id));
  const fields = fieldsOf(chosen);
  useEffect(() => {
    // Until somebody chooses, the instance's own default serves.
    if (now.models.length === 0 && usual !== null) draft.value = { ...now, models: [usual] };
  }, [usual]);
  useEffect(() => {
    if (!isElsewhere(now)) return;
    const timer = setTimeout(() => change(inAddress(draft.peek())), 300);
    return () => clearTimeout(timer);
  }, [now]);
  const toggle = (id: string) => {
    const models = now.models.includes(id) ? now.models.filter((one) => one !== id) : [...now.models, id];
    draft.value = { ...now, models };
  };
  const held =
    now.prompt.trim() === "" ? "Write a prompt first." : chosen.length === 0 ? "Choose a model first." : null;
  const order = (event: Event) => {
    event.preventDefault();
    if (held !== null) return;
    const run = begin(
      now.prompt,
      chosen.map((model) => ({ body: bodyFor(model, now), model: model.id })),
    );
    change({ ...inAddress(now), run: run.id });
    // Where the order stands below the form, it would come out of sight.
    if (matchMedia("(max-width: 60rem)").matches) setTimeout(() => scrollToRun());
  };
  return (
    <form class="order" aria-label="Order" onSubmit={order}>
      <div class="field">
        <label class="field-label" for="prompt">
          Prompt
        </label>
        <textarea
          id="prompt"
          class="input"
          rows={4}
          placeholder="What shall be seen. Ctrl+Enter orders it."
          value={now.prompt}
          onInput={(event) => {
            draft.value = { ...draft.peek(), prompt: event.currentTarget.value };
          }}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) order(event);
          }}
        />
      </div>
      <fieldset class="models">
        <legend>Models</legend>
        {all === undefined && <p class="quiet">Loading…</p>}
        {all?.length === 0 && (
          <p class="quiet">
            No model makes pictures here. <AdminLink path="/models">Add one in the admin panel</AdminLink>,
            and <AdminLink path="/provider-keys">its provider's key</AdminLink>.
          </p>
        )}
        {all?.map((model) => {
          const isChosen = now.models.includes(model.id);
          return (
            <label key={model.id} class="model">
              <input
                type="checkbox"
                checked={isChosen}
                disabled={!isChosen && chosen.length >= MOST_MODELS}
                onInput={() => toggle(model.id)}
              />
              <span class="model-name">
                {model.name} <span class="quiet small">{model.provider}</span>
              </span>
              {model.status !== "active" && <Badge>{model.status}</Badge>}
              {model.hasKey === false && <Badge tone="warn">no key</Badge>}
            </label>
          );
        })}
      </fieldset>
      {fields.length > 0 && (
        <OptionFields
          fields={fields}
          chosen={chosen}
          values={now.values}
          onInput={(values) => {
            draft.value = { ...draft.peek(), values };
          }}
        />
      )}
      <div class="form-end">
        <Button disabled={chosen.length === 0} onClick={() => change({ call: "next" })}>
          Code
        </Button>
        <Button type="submit" kind="primary" disabled={held !== null} title={held ?? undefined}>
          Generate
        </Button>
      </div>
    </form>
  );
}

function scrollToRun(): void {
  document.querySelector(".run")?.scrollIntoView({ block: "start" });
}
