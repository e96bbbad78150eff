import { isApiError } from "@de/api";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Button } from "./button.tsx";
import { Fault } from "./fault.tsx";
import { CheckField, ListField, SelectField, TextField } from "./field.tsx";

/** One member of a body, as the API describes it. Made at build time by `import shape from "shape:NewProject"`. */
export interface FieldShape {
  default?: unknown;
  description?: string;
  enum?: string[];
  items?: { enum?: string[]; type?: string };
  maximum?: number;
  maxLength?: number;
  minimum?: number;
  nullable?: boolean;
  required: boolean;
  type: "array" | "boolean" | "integer" | "number" | "object" | "string";
}

/** A body that the API takes: its members, in the order in which it describes them. */
export type Shape = Record<string, FieldShape>;

export interface FormProps {
  action: string;
  children: ComponentChildren;
  onCancel?: () => void;
  /** What it throws is shown above the buttons, the fields that it names beside them (see {@link faultsOf}). */
  onSubmit: () => Promise<unknown>;
  onFault?: (thrown: unknown) => void;
}

/** A form that is sent once at a time, and shows the API's own words where it fails. */
export function Form({ action, children, onCancel, onFault, onSubmit }: FormProps) {
  const [fault, setFault] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setFault(null);
    onFault?.(null);
    try {
      await onSubmit();
    } catch (thrown) {
      setFault(thrown);
      onFault?.(thrown);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="form" onSubmit={submit} aria-busy={busy}>
      {children}
      {fault !== null && <Fault error={fault} />}
      {busy && <progress aria-label={`${action}: under way`} />}
      <div class="form-end">
        {onCancel && <Button onClick={onCancel}>Cancel</Button>}
        <Button type="submit" kind="primary" aria-disabled={busy || undefined}>
          {action}
        </Button>
      </div>
    </form>
  );
}

/** What a failure says of each top-level field. */
export function faultsOf(thrown: unknown): Record<string, string> {
  if (!isApiError(thrown)) return {};
  return Object.fromEntries(
    thrown.fields.map(({ pointer, reason }) => [pointer.split("/")[1] ?? "", reason]),
  );
}

interface SchemaFieldsProps {
  /** Members that always have one of their choices, though the API does not ask for them: no empty one is offered. */
  chosen?: readonly string[];
  faults?: Record<string, string>;
  /** The members to show, in this order; all that can be shown otherwise. */
  fields?: readonly string[];
  /** What members are for, where the API's description is for programs; an empty one says nothing. */
  helps?: Record<string, string>;
  /** What members are called, where their name does not read well. */
  labels?: Record<string, string>;
  onInput: (values: Record<string, unknown>) => void;
  /** Members with a choice that the page knows: values, or values with names. */
  options?: Record<string, readonly (string | readonly [string, string])[]>;
  shape: Shape;
  values: Record<string, unknown>;
}

/** Fields for the members of a body, with the API's own descriptions. Objects have no field here. */
export function SchemaFields(props: SchemaFieldsProps) {
  const {
    chosen,
    faults = {},
    fields,
    helps = {},
    labels = {},
    onInput,
    options = {},
    shape,
    values,
  } = props;
  const names = fields ?? Object.keys(shape).filter((name) => shape[name]?.type !== "object");
  return (
    <div class="form-grid">
      {names.map((name) => {
        const member = shape[name];
        if (!member) throw new Error(`the API describes no member ${name}`);
        const set = (value: unknown) => onInput({ ...values, [name]: value });
        return (
          <SchemaField
            key={name}
            fault={faults[name]}
            help={helps[name] ?? member.description}
            isChosen={member.required || (chosen?.includes(name) ?? false)}
            label={labels[name] ?? sentence(name)}
            name={name}
            options={options[name]}
            member={member}
            value={values[name]}
            set={set}
          />
        );
      })}
    </div>
  );
}

interface SchemaFieldProps {
  fault: string | undefined;
  help: string | undefined;
  isChosen: boolean;
  label: string;
  member: FieldShape;
  name: string;
  options: readonly (string | readonly [string, string])[] | undefined;
  set: (value: unknown) => void;
  value: unknown;
}

function SchemaField(props: SchemaFieldProps) {
  const { fault, isChosen, label, member, name, options, set, value } = props;
  const help = props.help && <Prose text={props.help} />;
  const usual = { fault, help, label, name, required: member.required || (isChosen ? undefined : false) };
  if (member.type === "boolean") {
    return <CheckField label={label} help={help} name={name} checked={value === true} onInput={set} />;
  }
  const choice = options ?? member.enum;
  if (choice && member.type !== "array") {
    const none = isChosen ? [] : [["", "—"] as const];
    return (
      <SelectField
        {...usual}
        options={[...none, ...choice]}
        value={typeof value === "string" ? value : ""}
        onInput={(word) => set(word === "" ? (member.nullable ? null : undefined) : word)}
      />
    );
  }
  if (member.type === "array") {
    const words = member.items?.enum ?? options;
    const list = Array.isArray(value) ? value.map(String) : [];
    if (!words) return <ListField {...usual} value={list} onInput={set} />;
    return (
      <fieldset>
        <legend>{label}</legend>
        <div class="row">
          {words.map((option) => {
            const [word, text] = typeof option === "string" ? [option, option] : option;
            return (
              <CheckField
                key={word}
                label={text}
                name={name}
                checked={list.includes(word)}
                onInput={(on) => set(on ? [...list, word] : list.filter((one) => one !== word))}
              />
            );
          })}
        </div>
        {help && <span class="field-help">{help}</span>}
        {fault && <span class="field-fault">{fault}</span>}
      </fieldset>
    );
  }
  const isNumber = member.type === "integer" || member.type === "number";
  return (
    <TextField
      {...usual}
      type={isNumber ? "number" : "text"}
      {...(isNumber ? { step: member.type === "integer" ? 1 : "any" } : {})}
      {...(member.minimum === undefined ? {} : { min: member.minimum })}
      {...(member.maximum === undefined ? {} : { max: member.maximum })}
      {...(member.maxLength === undefined ? {} : { maxLength: member.maxLength })}
      value={value === null || value === undefined ? "" : String(value)}
      onInput={(text) => {
        if (text === "") set(member.nullable ? null : undefined);
        else set(isNumber ? Number(text) : text);
      }}
    />
  );
}

/** A description of the API's, with what stands in backticks as code. */
function Prose({ text }: { text: string }) {
  // Every second piece stood between two of them.
  return <>{text.split("`").map((piece, at) => (at % 2 === 0 ? piece : <code key={piece}>{piece}</code>))}</>;
}

function sentence(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
