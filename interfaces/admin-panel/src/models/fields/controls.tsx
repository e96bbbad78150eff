import { money, parseMoney, TextField } from "@de/ui";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

interface NumberFieldProps {
  fault?: string | undefined;
  help?: ComponentChildren;
  label: string;
  onInput: (value: number | undefined) => void;
  placeholder?: string;
  value: unknown;
}

/** A whole number that may be left out. */
export function NumberField({ fault, help, label, onInput, placeholder, value }: NumberFieldProps) {
  return (
    <TextField
      fault={fault}
      help={help}
      label={label}
      type="number"
      min={0}
      step={1}
      {...(placeholder === undefined ? {} : { placeholder })}
      value={typeof value === "number" ? String(value) : ""}
      onInput={(text) => onInput(text === "" ? undefined : Number(text))}
    />
  );
}

interface MoneyFieldProps {
  fault?: string | undefined;
  help?: ComponentChildren;
  label: string;
  onInput: (micros: number | undefined) => void;
  value: unknown;
}

/** Dollars, kept as whole micro-dollars. What is typed stays as it is typed; what is no amount changes nothing. */
export function MoneyField({ fault, help, label, onInput, value }: MoneyFieldProps) {
  const [typed, setTyped] = useState<string | null>(null);
  const shown = typeof value === "number" ? money(value).replace("$", "").replaceAll(",", "") : "";
  const isTyped = typed !== null && (typed === "" ? value === undefined : parseMoney(typed) === value);
  const wrong = typed !== null && typed !== "" && parseMoney(typed) === null;
  return (
    <TextField
      fault={wrong ? "expected dollars, with six digits after the point at most" : fault}
      help={help}
      label={label}
      inputMode="decimal"
      placeholder="no price"
      value={wrong || isTyped ? (typed ?? "") : shown}
      onInput={(text) => {
        setTyped(text);
        if (text === "") onInput(undefined);
        else {
          const micros = parseMoney(text);
          if (micros !== null) onInput(micros);
        }
      }}
    />
  );
}

/** Fields that belong together, under a name. */
export function Group({
  children,
  lead,
  title,
}: {
  children: ComponentChildren;
  lead?: string;
  title: string;
}) {
  return (
    <section class="card" aria-label={title}>
      <div>
        <h2>{title}</h2>
        {lead && <p class="small quiet">{lead}</p>}
      </div>
      {children}
    </section>
  );
}
