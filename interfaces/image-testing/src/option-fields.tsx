import { Button, SelectField, TextField } from "@de/ui";
import type { ImageModel } from "./models.ts";
import { type Field, labelOf } from "./options.ts";

interface FieldsProps {
  chosen: readonly ImageModel[];
  fields: readonly Field[];
  onInput: (values: Record<string, string>) => void;
  values: Record<string, string>;
}

/** The options of the chosen models, as each declares them. */
export function OptionFields({ chosen, fields, onInput, values }: FieldsProps) {
  const isSet = fields.some(({ name }) => (values[name] ?? "") !== "");
  return (
    <fieldset class="options">
      <legend>Options</legend>
      {fields.map((field) => (
        <OptionField
          key={field.name}
          chosen={chosen}
          field={field}
          value={values[field.name] ?? ""}
          onInput={(value) => onInput({ ...values, [field.name]: value })}
        />
      ))}
      {isSet && (
        <Button size="small" kind="plain" onClick={() => onInput({})}>
          Clear all
        </Button>
      )}
    </fieldset>
  );
}

interface FieldProps {
  chosen: readonly ImageModel[];
  field: Field;
  onInput: (value: string) => void;
  value: string;
}

function OptionField({ chosen, field, onInput, value }: FieldProps) {
  const { by, choices, choicesBy, help, kind, max, min, name, required } = field;
  const names = (ids: readonly string[]) =>
    chosen
      .filter(({ id }) => ids.includes(id))
      .map((model) => model.name)
      .join(", ");
  const isForSome = by.length < chosen.length;
  const bounds =
    min !== undefined && max !== undefined
      ? `From ${min} to ${max}.`
      : min !== undefined
        ? `At least ${min}.`
        : "";
  const told = [help, bounds, isForSome ? `Sent to ${names(by)} alone.` : ""].filter(Boolean).join(" ");
  const usual = {
    help: told || undefined,
    label: labelOf(name),
    onInput,
    value,
    ...(required ? { required } : {}),
  };
  const words = kind === "boolean" ? ["true", "false"] : choices;
  if (words) {
    const options = words.map((word) => {
      const takers = choicesBy[word] ?? by;
      return [word, takers.length < by.length ? `${word} (${names(takers)})` : word] as const;
    });
    return <SelectField {...usual} options={[["", "—"], ...options]} />;
  }
  // Some models take these words, another takes any.
  const known = Object.keys(choicesBy);
  return (
    <>
      <TextField
        {...usual}
        {...(known.length > 0 ? { list: `words-${name}` } : {})}
        type={kind === "text" ? "text" : "number"}
        {...(kind === "text" ? {} : { step: kind === "integer" ? 1 : ("any" as const) })}
        {...(max === undefined ? {} : { max })}
        {...(min === undefined ? {} : { min })}
      />
      {known.length > 0 && (
        <datalist id={`words-${name}`}>
          {known.map((word) => (
            <option key={word} value={word} />
          ))}
        </datalist>
      )}
    </>
  );
}
