import { Note, TextField } from "@de/ui";
import { useState } from "preact/hooks";
import { type Config, changedIn, faultAt, isConfig, part } from "../draft.ts";
import { CLASSES } from "../price.ts";
import { Group, MoneyField } from "./controls.tsx";
import type { FieldsProps } from "./fields.tsx";

/* What most models of a kind are billed by; the rest is shown when it is asked for, or when it has a price. */
const USUAL: Record<string, readonly string[]> = {
  audio: [
    "character_micros_per_million",
    "input_micros_per_million_tokens",
    "audio_output_micros_per_million_tokens",
  ],
  embeddings: ["input_micros_per_million_tokens"],
  image: ["image_micros", "input_micros_per_million_tokens", "image_output_micros_per_million_tokens"],
  text: [
    "input_micros_per_million_tokens",
    "cached_input_micros_per_million_tokens",
    "output_micros_per_million_tokens",
  ],
  transcription: ["second_micros_per_million"],
  video: ["second_micros_per_million"],
};

/** Prices by class, in dollars as vendors write them. */
export function Prices({ config, faults, set }: FieldsProps) {
  const [isWhole, setWhole] = useState(false);
  const pricing = part(config, "pricing");
  const capabilities = part(config, "capabilities");
  const usual = new Set(
    Object.keys(USUAL).flatMap((kind) => (capabilities[kind] === true ? (USUAL[kind] ?? []) : [])),
  );
  const put = (name: string, value: unknown) => set({ pricing: priced(changedIn(pricing, name, value)) });
  const shown = CLASSES.filter(([name]) => isWhole || usual.has(name) || pricing[name] !== undefined);
  return (
    <Group title="Prices" lead="Dollars. Without a price a call has no cost, which is not a cost of nothing.">
      <div class="form-grid">
        {shown.map(([name, label, unit]) =>
          isConfig(pricing[name]) ? (
            <Note key={name}>{label}: by size and quality. Change that as JSON.</Note>
          ) : (
            <MoneyField
              key={name}
              label={label}
              help={`per ${unit}`}
              fault={faultAt(faults, `/pricing/${name}`, true)}
              value={pricing[name]}
              onInput={(micros) => put(name, micros)}
            />
          ),
        )}
        <TextField
          label="Prices hold since"
          required={false}
          help="A date, or a moment by RFC 3339."
          placeholder="2026-11-26"
          fault={faultAt(faults, "/pricing/valid_from")}
          value={typeof pricing.valid_from === "string" ? pricing.valid_from : ""}
          onInput={(day) => put("valid_from", day || undefined)}
        />
      </div>
      <More pricing={pricing} />
      {!isWhole && (
        <div>
          <button
            type="button"
            class="button"
            data-kind="plain"
            data-size="small"
            onClick={() => setWhole(true)}
          >
            All price classes
          </button>
        </div>
      )}
    </Group>
  );
}

/** Prices without a price are none. */
function priced(pricing: Config | undefined): Config | undefined {
  if (!pricing) return undefined;
  const { currency, ...rest } = pricing;
  return Object.keys(rest).length === 0 ? undefined : { currency: currency ?? "USD", ...rest };
}

function More({ pricing }: { pricing: Config }) {
  const tiers = Array.isArray(pricing.tiers) ? pricing.tiers.length : 0;
  const multipliers = Object.keys(part(pricing, "multipliers_percent"));
  if (tiers === 0 && multipliers.length === 0) return null;
  return (
    <p class="small quiet">
      {tiers > 0 && `${tiers} ${tiers === 1 ? "tier" : "tiers"} for long inputs. `}
      {multipliers.length > 0 && `Multipliers for ${multipliers.join(", ")}. `}
      They are changed as JSON.
    </p>
  );
}
