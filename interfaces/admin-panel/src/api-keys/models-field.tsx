import { CheckField, SelectField, TextField } from "@de/ui";
import { useState } from "preact/hooks";
import { has } from "../tenants/list.ts";
import { useModelsByKind } from "../tenants/models-by-kind.ts";

interface ModelsFieldProps {
  fault: string | undefined;
  onInput: (models: string[] | null) => void;
  organization: string | undefined;
  value: readonly string[] | null;
}

/** Which models a key may call: all, or these. */
export function ModelsField({ fault, onInput, organization, value }: ModelsFieldProps) {
  return (
    <>
      <SelectField
        label="Models"
        name="allowed_models"
        options={[
          ["all", "All, those that come later too"],
          ["some", "Only some"],
        ]}
        value={value === null ? "all" : "some"}
        onInput={(word) => onInput(word === "all" ? null : [])}
        fault={fault}
      />
      {value !== null && <Picker organization={organization} onInput={onInput} value={value} />}
    </>
  );
}

function Picker(props: Omit<ModelsFieldProps, "fault"> & { value: readonly string[] }) {
  const { onInput, organization, value } = props;
  const models = useModelsByKind(organization);
  const [searched, setSearched] = useState("");
  // What was chosen at first stands first, and stays where it is when it is chosen no more.
  const [first] = useState(value);
  const known = Object.values(models.data ?? {}).flat();
  const all = [...new Set([...first, ...known.sort()])];
  const shown = all.filter((id) => has(searched, id));
  return (
    <fieldset class="wide">
      <legend>
        {value.length} of {all.length} models
      </legend>
      <div class="form">
        <TextField label="Find a model" type="search" value={searched} onInput={setSearched} />
        <div class="picker" role="group" aria-label="Models to choose from" tabIndex={0}>
          {shown.map((id) => (
            <CheckField
              key={id}
              label={<code class="wrap">{id}</code>}
              checked={value.includes(id)}
              onInput={(on) => onInput(on ? [...value, id] : value.filter((one) => one !== id))}
            />
          ))}
          {shown.length === 0 && (
            <span class="quiet">{models.loading ? "Loading…" : "No model matches."}</span>
          )}
        </div>
        {value.length === 0 && (
          <span class="field-help">With none of them the key calls no model at all.</span>
        )}
      </div>
    </fieldset>
  );
}
