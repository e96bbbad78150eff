import { SelectField } from "@de/ui";
import { changedIn, faultAt, part, text } from "../draft.ts";
import { ON_UNSUPPORTED } from "../words.ts";
import { Group, NumberField } from "./controls.tsx";
import type { FieldsProps } from "./fields.tsx";

const TOKENS = [
  ["context_window", "Context window", "The largest input, in tokens."],
  ["max_output_tokens", "Largest output", "In tokens."],
  [
    "default_max_output_tokens",
    "Usual output bound",
    "Sent where a bound is needed and the caller gave none.",
  ],
] as const;

const LIMITS = [
  ["rpm", "Calls a minute"],
  ["tpm", "Tokens a minute"],
  ["concurrent_requests", "Calls at once"],
] as const;

const TIMEOUTS = [
  ["first_byte_ms", "First byte, ms"],
  ["between_chunks_ms", "Between pieces, ms"],
  ["total_ms", "Whole answer, ms"],
] as const;

/** How large, how much and how long; and what happens to what it cannot do. */
export function Bounds({ config, faults, set }: FieldsProps) {
  const limits = part(config, "rate_limits");
  const timeouts = part(config, "timeouts");
  return (
    <Group
      title="Limits and time"
      lead="Limits are those of one instance. 0 lets nothing in, empty is no limit."
    >
      <div class="form-grid">
        {TOKENS.map(([name, label, help]) => (
          <NumberField
            key={name}
            label={label}
            help={help}
            fault={faultAt(faults, `/${name}`)}
            value={config[name]}
            onInput={(value) => set({ [name]: value })}
          />
        ))}
        {LIMITS.map(([name, label]) => (
          <NumberField
            key={name}
            label={label}
            placeholder="no limit"
            fault={faultAt(faults, `/rate_limits/${name}`)}
            value={limits[name]}
            onInput={(value) => set({ rate_limits: changedIn(limits, name, value) })}
          />
        ))}
        {TIMEOUTS.map(([name, label]) => (
          <NumberField
            key={name}
            label={label}
            placeholder="usual"
            fault={faultAt(faults, `/timeouts/${name}`)}
            value={timeouts[name]}
            onInput={(value) => set({ timeouts: changedIn(timeouts, name, value) })}
          />
        ))}
        <SelectField
          label="Settings it cannot honour"
          fault={faultAt(faults, "/on_unsupported")}
          options={ON_UNSUPPORTED}
          value={text(config, "on_unsupported") || "reject"}
          onInput={(on_unsupported) => set({ on_unsupported })}
        />
        <SelectField
          label="Options it does not know"
          help="A mapping's own word on them goes first."
          fault={faultAt(faults, "/unknown_options")}
          options={ON_UNSUPPORTED}
          value={text(config, "unknown_options") || "reject"}
          onInput={(unknown_options) => set({ unknown_options })}
        />
      </div>
    </Group>
  );
}
