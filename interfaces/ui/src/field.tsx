import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";

export interface FieldProps {
  /** Shown, and not to be changed; the help says why. */
  disabled?: boolean | undefined;
  /** What is wrong with the value. */
  fault?: string | undefined;
  help?: ComponentChildren;
  label: string;
  name?: string | undefined;
  required?: boolean | undefined;
  wide?: boolean | undefined;
}

interface Wired {
  "aria-describedby": string | undefined;
  "aria-invalid": boolean | undefined;
  disabled: boolean | undefined;
  id: string;
  name: string | undefined;
  required: boolean | undefined;
}

/** A label, a control, its help and what is wrong with it, tied together for who hears the page. */
export function Field(props: FieldProps & { children: (wired: Wired) => ComponentChildren }) {
  const { children, disabled, fault, help, label, name, required, wide } = props;
  const id = useId();
  const described = [help && `${id}-help`, fault && `${id}-fault`].filter(Boolean).join(" ");
  return (
    <div class={wide ? "field wide" : "field"}>
      <label class="field-label" for={id}>
        {label} {required === false && <small>optional</small>}
      </label>
      {children({
        "aria-describedby": described || undefined,
        "aria-invalid": fault ? true : undefined,
        disabled: disabled || undefined,
        id,
        name,
        required: required || undefined,
      })}
      {help && (
        <span class="field-help" id={`${id}-help`}>
          {help}
        </span>
      )}
      {fault && (
        <span class="field-fault" id={`${id}-fault`}>
          {fault}
        </span>
      )}
    </div>
  );
}

/** What else a line of text may be told. */
interface Native {
  autocomplete?: string;
  inputMode?: "decimal" | "email" | "numeric" | "search" | "text" | "url";
  list?: string;
  max?: number | string;
  maxLength?: number;
  min?: number | string;
  pattern?: string;
  placeholder?: string;
  readOnly?: boolean;
  step?: number | "any";
  type?: "datetime-local" | "email" | "number" | "password" | "search" | "text" | "url";
}

/** A line of text, or whatever `type` says. */
export function TextField(props: FieldProps & Native & { onInput: (text: string) => void; value: string }) {
  const { disabled, fault, help, label, name, onInput, required, value, wide, ...native } = props;
  const field = { disabled, fault, help, label, name, required, wide };
  return (
    <Field {...field}>
      {(wired) => (
        <input
          autocomplete="off"
          spellcheck={false}
          {...(native as object)}
          {...wired}
          class="input"
          value={value}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

/** Text of several lines. */
export function TextArea(
  props: FieldProps & {
    mono?: boolean;
    onInput: (text: string) => void;
    placeholder?: string;
    rows?: number;
    value: string;
  },
) {
  const { mono, onInput, placeholder, rows, value, ...field } = props;
  return (
    <Field {...field}>
      {(wired) => (
        <textarea
          {...wired}
          class={mono ? "input mono" : "input"}
          placeholder={placeholder}
          rows={rows ?? 4}
          spellcheck={!mono}
          value={value}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

/**
 * One of several. Options are values, or values with what they are called. A value that is none of them, for they may
 * still be on their way, stands there as it is: an empty field would keep the form from being sent.
 */
export function SelectField(
  props: FieldProps & {
    onInput: (value: string) => void;
    options: readonly (string | readonly [string, string])[];
    value: string;
  },
) {
  const { onInput, options, value, ...field } = props;
  const select = useRef<HTMLSelectElement>(null);
  const named = options.map((option) =>
    typeof option === "string" ? ([option, option.replaceAll("_", " ")] as const) : option,
  );
  const known = value === "" || named.some(([word]) => word === value);
  const shown = known ? named : [...named, [value, value] as const];
  // A select is told its value before it has the options: once more when they are there.
  useLayoutEffect(() => {
    if (select.current && select.current.value !== value) select.current.value = value;
  }, [options, value]);
  return (
    <Field {...field}>
      {(wired) => (
        <select
          {...wired}
          ref={select}
          class="input"
          value={value}
          onInput={(event) => onInput(event.currentTarget.value)}
        >
          {shown.map(([word, name]) => (
            <option key={word} value={word}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** Yes or no. */
export function CheckField(props: {
  checked: boolean;
  help?: ComponentChildren;
  label: ComponentChildren;
  name?: string;
  onInput: (checked: boolean) => void;
}) {
  const { checked, help, label, name, onInput } = props;
  return (
    <label class="check">
      <input
        type="checkbox"
        name={name}
        checked={checked}
        onInput={(event) => onInput(event.currentTarget.checked)}
      />
      <span>
        {label}
        {help && <span class="field-help"> {help}</span>}
      </span>
    </label>
  );
}

/** Several texts, one a line. */
export function ListField(
  props: FieldProps & { onInput: (list: string[]) => void; value: readonly string[] },
) {
  const { help, onInput, value, ...field } = props;
  return (
    <TextArea
      {...field}
      mono
      rows={3}
      help={help ?? "One a line."}
      value={value.join("\n")}
      onInput={(text) => onInput(text === "" ? [] : text.split("\n"))}
    />
  );
}
