import { Note, SelectField, TextField } from "@de/ui";
import { faultAt, text } from "../draft.ts";
import { Group } from "./controls.tsx";
import type { FieldsProps } from "./fields.tsx";

const STATUSES: readonly (readonly [string, string])[] = [
  ["active", "Active"],
  ["beta", "Beta: served, and listed as beta"],
  ["deprecated", "Deprecated: served, with a warning"],
  ["disabled", "Disabled: nobody can call it"],
];

/** Whether a model may be called, and until when. */
export function Life({ config, faults, set }: FieldsProps) {
  const status = text(config, "status") || "active";
  const isEnding = status === "deprecated";
  return (
    <Group title="Availability">
      <div class="form-grid">
        <SelectField
          label="Status"
          fault={faultAt(faults, "/status")}
          options={STATUSES}
          value={status}
          onInput={(next) =>
            set({
              status: next,
              ...(next === "deprecated" ? {} : { deprecated_at: undefined, deprecation_date: undefined }),
            })
          }
        />
        {isEnding && (
          <TextField
            label="The vendor ends it on"
            required={false}
            help="A day. Callers read it in Sunset; it ends nothing by itself."
            placeholder="2027-06-01"
            fault={faultAt(faults, "/deprecation_date")}
            value={text(config, "deprecation_date")}
            onInput={(day) => set({ deprecation_date: day || undefined })}
          />
        )}
        {isEnding && (
          <TextField
            label="Deprecated since"
            required={false}
            help="Set when it is saved, unless you name a moment."
            placeholder="2026-11-26T12:00:00Z"
            fault={faultAt(faults, "/deprecated_at")}
            value={text(config, "deprecated_at")}
            onInput={(at) => set({ deprecated_at: at || undefined })}
          />
        )}
      </div>
      {isEnding && (
        <Note>
          A successor is told in the description; so that calls go over by themselves, give the successor this
          model's id as an alias once this one is deleted.
        </Note>
      )}
    </Group>
  );
}
