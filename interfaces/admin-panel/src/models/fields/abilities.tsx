import shape from "shape:Capabilities";
import { SelectField } from "@de/ui";
import { changed, faultAt, part } from "../draft.ts";
import { KINDS } from "../rows.ts";
import { Group } from "./controls.tsx";
import type { FieldsProps } from "./fields.tsx";

const MAKES = new Set<string>(KINDS);

/** What a model makes, and what it can do; "not known" is not "no". */
export function Abilities({ config, faults, set }: FieldsProps) {
  const capabilities = part(config, "capabilities");
  const put = (name: string, word: string) => {
    const value = word === "" ? undefined : word === "yes";
    set({ capabilities: changed(capabilities, { [name]: value }) });
  };
  const names = Object.keys(shape).filter((name) => !MAKES.has(name));
  return (
    <Group
      title="Capabilities"
      lead="What it is not said to be able to do is tried; what it cannot is refused."
    >
      <fieldset>
        <legend>Makes</legend>
        <div class="row kinds">
          {KINDS.map((kind) => (
            <label key={kind} class="check">
              <input
                type="checkbox"
                checked={capabilities[kind] === true}
                onInput={(event) => put(kind, event.currentTarget.checked ? "yes" : "")}
              />
              <span>{kind}</span>
            </label>
          ))}
        </div>
        <FaultOf text={faultAt(faults, "/capabilities")} />
      </fieldset>
      <div class="abilities">
        {names.map((name) => (
          <SelectField
            key={name}
            label={sentence(name)}
            fault={faultAt(faults, `/capabilities/${name}`)}
            value={capabilities[name] === true ? "yes" : capabilities[name] === false ? "no" : ""}
            options={[
              ["", "Not known"],
              ["yes", "Yes"],
              ["no", "No"],
            ]}
            onInput={(word) => put(name, word)}
          />
        ))}
      </div>
    </Group>
  );
}

function FaultOf({ text }: { text: string | undefined }) {
  return text === undefined ? null : <span class="field-fault">{text}</span>;
}

function sentence(name: string): string {
  const words = name.replaceAll("_", " ").replace(/^(json|pdf)/, (word) => word.toUpperCase());
  return words.charAt(0).toUpperCase() + words.slice(1);
}
