import { SelectField, TextField } from "@de/ui";
import { useState } from "preact/hooks";

const DAY_MS = 86_400_000;
const MODES = [
  ["never", "Never"],
  ["30", "In 30 days"],
  ["90", "In 90 days"],
  ["365", "In a year"],
  ["at", "At a moment of your own"],
] as const;

interface ExpiryFieldProps {
  fault: string | undefined;
  onInput: (at: string | null) => void;
  value: string | null;
}

/** When a key ends: after some days, or at a moment in the browser's own time zone. */
export function ExpiryField({ fault, onInput, value }: ExpiryFieldProps) {
  const [mode, setMode] = useState<string>(value === null ? "never" : "at");
  const choose = (word: string) => {
    setMode(word);
    if (word === "never") onInput(null);
    else if (word !== "at") onInput(new Date(Date.now() + Number(word) * DAY_MS).toISOString());
    else if (value === null) onInput(new Date(Date.now() + 30 * DAY_MS).toISOString());
  };
  return (
    <>
      <SelectField
        label="Expires"
        name="expires_at"
        options={MODES}
        value={mode}
        onInput={choose}
        fault={mode === "at" ? undefined : fault}
      />
      {mode === "at" && (
        <TextField
          label="Moment"
          type="datetime-local"
          required
          help="In the time zone of this browser."
          fault={fault}
          value={value === null ? "" : local(value)}
          onInput={(text) => {
            const moment = new Date(text);
            if (!Number.isNaN(moment.getTime())) onInput(moment.toISOString());
          }}
        />
      )}
    </>
  );
}

/** A moment as such fields have it: without seconds and zone, here. */
function local(at: string): string {
  const moment = new Date(at);
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
