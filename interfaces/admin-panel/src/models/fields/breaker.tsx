import shape from "shape:CircuitBreaker";
import { SelectField } from "@de/ui";
import { changed, faultAt, isConfig, part } from "../draft.ts";
import { Group, NumberField } from "./controls.tsx";
import type { FieldsProps } from "./fields.tsx";

const MEMBERS = [
  ["failures", "Failures in a row"],
  ["window_ms", "Within, ms"],
  ["open_ms", "Open for, ms"],
] as const;

/** When a model is not asked any more for a while: as usual, by numbers of its own, or never. */
export function Breaker({ config, faults, set }: FieldsProps) {
  const breaker = part(config, "circuit_breaker");
  const word = config.circuit_breaker === null ? "never" : isConfig(config.circuit_breaker) ? "own" : "usual";
  const choose = (next: string) =>
    set({ circuit_breaker: next === "never" ? null : next === "own" ? usual() : undefined });
  return (
    <Group
      title="Circuit breaker"
      lead="A vendor that keeps failing is left alone for a while; then one call tries."
    >
      <div class="form-grid">
        <SelectField
          label="It opens"
          help={word === "usual" ? "After 5 failures within a minute, for 10 s." : undefined}
          fault={faultAt(faults, "/circuit_breaker")}
          options={[
            ["usual", "As usual"],
            ["own", "By these numbers"],
            ["never", "Never"],
          ]}
          value={word}
          onInput={choose}
        />
        {word === "own" &&
          MEMBERS.map(([name, label]) => (
            <NumberField
              key={name}
              label={label}
              placeholder={String(shape[name]?.default ?? "")}
              fault={faultAt(faults, `/circuit_breaker/${name}`)}
              value={breaker[name]}
              onInput={(value) => set({ circuit_breaker: changed(breaker, { [name]: value }) })}
            />
          ))}
      </div>
    </Group>
  );
}

function usual(): Record<string, unknown> {
  return Object.fromEntries(MEMBERS.map(([name]) => [name, shape[name]?.default]));
}
