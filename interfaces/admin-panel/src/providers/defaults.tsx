import { SelectField } from "@de/ui";
import { changed } from "../models/draft.ts";

interface DefaultsProps {
  fault: string | undefined;
  onInput: (values: Record<string, unknown>) => void;
  values: Record<string, unknown>;
}

/** Where hosts of one protocol differ. */
export function Defaults({ fault, onInput, values }: DefaultsProps) {
  const word = (name: string) => (typeof values[name] === "string" ? (values[name] as string) : "");
  const flag = (name: string) => (values[name] === true ? "yes" : values[name] === false ? "no" : "");
  const put = (name: string, value: unknown) => onInput(changed(values, { [name]: value }));
  const putFlag = (name: string, text: string) => put(name, text === "" ? undefined : text === "yes");
  return (
    <>
      <SelectField
        label="Output is bounded by"
        fault={fault}
        options={[
          ["", "max_completion_tokens (usual)"],
          ["max_tokens", "max_tokens"],
        ]}
        value={word("max_tokens_field") === "max_tokens" ? "max_tokens" : ""}
        onInput={(text) => put("max_tokens_field", text || undefined)}
      />
      <SelectField
        label="Sampling is seeded by"
        options={[
          ["", "seed (usual)"],
          ["random_seed", "random_seed"],
        ]}
        value={word("seed_field") === "random_seed" ? "random_seed" : ""}
        onInput={(text) => put("seed_field", text || undefined)}
      />
      <SelectField
        label="Takes user"
        options={[
          ["", "Usual"],
          ["yes", "Yes"],
          ["no", "No"],
        ]}
        value={flag("takes_user")}
        onInput={(text) => putFlag("takes_user", text)}
      />
      <SelectField
        label="Mappings may write the key"
        help="As {api_key}, in a header or query."
        options={[
          ["", "No"],
          ["yes", "Yes"],
        ]}
        value={flag("mapping_sees_key") === "yes" ? "yes" : ""}
        onInput={(text) => putFlag("mapping_sees_key", text)}
      />
    </>
  );
}
