import { Button, Icon, ListField, SelectField, TextArea, TextField } from "@de/ui";
import { faultAt, text } from "../draft.ts";
import { PROTOCOLS } from "../words.ts";
import { Group } from "./controls.tsx";
import type { FieldsProps } from "./fields.tsx";

/** What a model is called, and who serves it how. */
export function Basics({ config, faults, isNew, onNewProvider, providers, set }: FieldsProps) {
  const aliases = Array.isArray(config.aliases) ? config.aliases.map(String) : [];
  const chosen = text(config, "provider_id");
  const known = [...new Map(providers.map((one) => [one.id, one.display_name]))];
  const isKnown = chosen === "" || known.some(([id]) => id === chosen);
  return (
    <Group title="Model and provider">
      <div class="form-grid">
        <TextField
          label="Model id"
          help={
            isNew
              ? "What callers write: lower case, digits, . _ : / -"
              : "It stays: receipts and keys name it."
          }
          fault={faultAt(faults, "/model_id")}
          disabled={!isNew}
          required={isNew || undefined}
          maxLength={100}
          value={text(config, "model_id")}
          onInput={(model_id) => set({ model_id })}
        />
        <TextField
          label="Display name"
          help="For people."
          fault={faultAt(faults, "/display_name")}
          required
          maxLength={200}
          value={text(config, "display_name")}
          onInput={(display_name) => set({ display_name })}
        />
        <div class="field-with-button">
          <SelectField
            label="Provider"
            help="Where the vendor lives, and where the key goes."
            fault={faultAt(faults, "/provider_id")}
            required
            value={chosen}
            options={[
              ...(chosen === "" ? [["", "Choose one"] as const] : []),
              ...known,
              ...(isKnown ? [] : [[chosen, `${chosen} (not there)`] as const]),
            ]}
            onInput={(provider_id) => set({ provider_id: provider_id || undefined })}
          />
          <Button onClick={onNewProvider} aria-label="New provider" title="New provider">
            <Icon name="plus" />
          </Button>
        </div>
        <SelectField
          label="Protocol"
          help="How the vendor is spoken to."
          fault={faultAt(faults, "/protocol")}
          required
          value={text(config, "protocol")}
          options={PROTOCOLS}
          onInput={(protocol) => set({ protocol })}
        />
        <TextField
          label="Upstream model"
          help="The vendor's name of it; the model's id where it is left out."
          fault={faultAt(faults, "/upstream_model")}
          required={false}
          maxLength={200}
          value={text(config, "upstream_model")}
          onInput={(name) => set({ upstream_model: name || undefined })}
        />
        <ListField
          label="Aliases"
          help="Other names of it, one a line."
          fault={faultAt(faults, "/aliases", true)}
          required={false}
          value={aliases}
          onInput={(list) => set({ aliases: list.length === 0 ? undefined : list })}
        />
        <TextArea
          wide
          label="Description"
          required={false}
          rows={2}
          fault={faultAt(faults, "/description")}
          value={text(config, "description")}
          onInput={(description) => set({ description: description || undefined })}
        />
      </div>
    </Group>
  );
}
