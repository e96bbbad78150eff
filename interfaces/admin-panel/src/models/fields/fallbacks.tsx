import { Button, CheckField, Field, Icon, SelectField } from "@de/ui";
import { faultAt, isConfig } from "../draft.ts";
import { isReadable } from "../rows.ts";
import { CLASSES_OF_FAILURE } from "../words.ts";
import { Group } from "./controls.tsx";
import type { FieldsProps } from "./fields.tsx";

interface Fallback {
  model: string;
  /** After which failures; the usual ones where it is null. */
  on: string[] | null;
}

/** What serves instead, in order, and after which failures. */
export function Fallbacks({ config, faults, models, set }: FieldsProps) {
  const list = read(config.fallbacks);
  const put = (next: Fallback[]) => set({ fallbacks: next.length === 0 ? undefined : next.map(write) });
  const replace = (at: number, one: Fallback) => put(list.with(at, one));
  const move = (from: number, to: number) => {
    const [one] = list.slice(from, from + 1);
    if (one) put(list.toSpliced(from, 1).toSpliced(to, 0, one));
  };
  const names = models
    .filter((model) => isReadable(model) && model.model_id !== config.model_id)
    .map((model) => model.model_id);
  return (
    <Group title="Fallbacks" lead="What serves when the vendor fails, in this order.">
      {list.length > 0 && (
        <ol class="fallbacks">
          {list.map((one, at) => (
            <li key={at}>
              <OneFallback
                at={at}
                count={list.length}
                fault={faultAt(faults, `/fallbacks/${at}`, true)}
                names={names}
                one={one}
                onChange={(next) => replace(at, next)}
                onMove={(to) => move(at, to)}
                onRemove={() => put(list.toSpliced(at, 1))}
              />
            </li>
          ))}
        </ol>
      )}
      <div>
        <Button
          size="small"
          disabled={list.length >= 10}
          onClick={() => put([...list, { model: "", on: null }])}
        >
          <Icon name="plus" /> Add a fallback
        </Button>
      </div>
    </Group>
  );
}

interface OneFallbackProps {
  at: number;
  count: number;
  fault: string | undefined;
  names: readonly string[];
  onChange: (one: Fallback) => void;
  onMove: (to: number) => void;
  onRemove: () => void;
  one: Fallback;
}

function OneFallback({ at, count, fault, names, onChange, onMove, onRemove, one }: OneFallbackProps) {
  const number = at + 1;
  const toggle = (word: string, isOn: boolean) => {
    const on = one.on ?? [];
    onChange({ ...one, on: isOn ? [...on, word] : on.filter((other) => other !== word) });
  };
  return (
    <fieldset>
      <legend>Fallback {number}</legend>
      <div class="form">
        <div class="row fallback-row">
          <Field label="Model" fault={fault} required>
            {(wired) => (
              <>
                <input
                  {...wired}
                  class="input mono"
                  autocomplete="off"
                  list={`fallback-${at}`}
                  value={one.model}
                  onInput={(event) => onChange({ ...one, model: event.currentTarget.value })}
                />
                <datalist id={`fallback-${at}`}>
                  {names.map((name) => (
                    <option key={name} value={name} />
                  ))}
                </datalist>
              </>
            )}
          </Field>
          <SelectField
            label="Serves after"
            options={[
              ["usual", "Failures of the vendor"],
              ["chosen", "Chosen failures"],
            ]}
            value={one.on === null ? "usual" : "chosen"}
            onInput={(word) => onChange({ ...one, on: word === "usual" ? null : [] })}
          />
          <span class="row">
            <Button
              size="small"
              disabled={at === 0}
              aria-label={`Move fallback ${number} up`}
              onClick={() => onMove(at - 1)}
            >
              ↑
            </Button>
            <Button
              size="small"
              disabled={at === count - 1}
              aria-label={`Move fallback ${number} down`}
              onClick={() => onMove(at + 1)}
            >
              ↓
            </Button>
            <Button size="small" aria-label={`Remove fallback ${number}`} onClick={onRemove}>
              <Icon name="close" />
            </Button>
          </span>
        </div>
        {one.on !== null && (
          <div class="row kinds">
            {CLASSES_OF_FAILURE.map((word) => (
              <CheckField
                key={word}
                label={word.replaceAll("_", " ")}
                checked={one.on?.includes(word) ?? false}
                onInput={(isOn) => toggle(word, isOn)}
              />
            ))}
          </div>
        )}
      </div>
    </fieldset>
  );
}

function read(value: unknown): Fallback[] {
  if (!Array.isArray(value)) return [];
  return value.map((one) => {
    if (!isConfig(one)) return { model: String(one), on: null };
    return { model: String(one.model_id ?? ""), on: Array.isArray(one.on) ? one.on.map(String) : null };
  });
}

function write({ model, on }: Fallback): unknown {
  return on === null ? model : { model_id: model, on };
}
