import shape from "shape:NewProject";
import { CheckField, faultsOf, SchemaFields, TextArea, TextField, useInstances } from "@de/ui";
import { useState } from "preact/hooks";
import { span } from "./spans.ts";

export type Values = Record<string, unknown>;

interface ProjectFieldsProps {
  asksInstance: boolean;
  fault: unknown;
  onInput: (values: Values) => void;
  /** Told what is wrong with what cannot be sent at all. */
  onWrong: (why: string | null) => void;
  values: Values;
}

/** All that a project has, but for its state. */
export function ProjectFields({ asksInstance, fault, onInput, onWrong, values }: ProjectFieldsProps) {
  const instances = useInstances();
  const faults = faultsOf(fault);
  return (
    <>
      <SchemaFields
        shape={shape}
        fields={asksInstance ? ["instance_id", "name", "description"] : ["name", "description"]}
        labels={{ instance_id: "Instance" }}
        helps={{ description: "", instance_id: "It stays there.", name: "" }}
        options={{
          instance_id: [
            ["", "Choose…"],
            ...(instances.data ?? []).map(
              ({ environment, id, name }) => [id, `${name} · ${environment}`] as const,
            ),
          ],
        }}
        values={values}
        onInput={onInput}
        faults={faults}
      />
      <CheckField
        label="Retain content"
        help="Prompts and replies may be kept, as those of responses are for previous_response_id."
        name="retain_content"
        checked={values.retain_content === true}
        onInput={(on) => onInput({ ...values, retain_content: on })}
      />
      <CacheFields
        fault={faults.response_cache}
        value={(values.response_cache ?? null) as { ttl_s: number } | null}
        onInput={(cache) => onInput({ ...values, response_cache: cache })}
      />
      <SettingsField
        fault={faults.settings}
        value={(values.settings ?? {}) as object}
        onInput={(settings) => onInput({ ...values, settings })}
        onWrong={onWrong}
      />
    </>
  );
}

interface CacheFieldsProps {
  fault: string | undefined;
  onInput: (cache: { ttl_s: number } | null) => void;
  value: { ttl_s: number } | null;
}

function CacheFields({ fault, onInput, value }: CacheFieldsProps) {
  return (
    <>
      <CheckField
        label="Response cache"
        help="Answers of text models are kept, to be given once more to the same call with the same key."
        name="response_cache"
        checked={value !== null}
        onInput={(on) => onInput(on ? { ttl_s: 3_600 } : null)}
      />
      {value && (
        <TextField
          label="Kept for seconds"
          type="number"
          min={60}
          max={2_592_000}
          step={1}
          required
          fault={fault}
          help={value.ttl_s > 0 ? span(value.ttl_s) : "From a minute to thirty days."}
          value={value.ttl_s > 0 ? String(value.ttl_s) : ""}
          onInput={(text) => onInput({ ttl_s: Number(text) })}
        />
      )}
    </>
  );
}

interface SettingsFieldProps {
  fault: string | undefined;
  onInput: (settings: object) => void;
  onWrong: (why: string | null) => void;
  value: object;
}

/** JSON as it is typed; it is told of whenever it is an object. */
function SettingsField({ fault, onInput, onWrong, value }: SettingsFieldProps) {
  const [text, setText] = useState(() => JSON.stringify(value, null, 2));
  const [wrong, setWrong] = useState<string | null>(null);
  const type = (typed: string) => {
    setText(typed);
    const read = parse(typed);
    const why = typeof read === "string" ? read : null;
    setWrong(why);
    onWrong(why && `Settings: ${why}`);
    if (typeof read !== "string") onInput(read);
  };
  return (
    <TextArea
      label="Settings"
      required={false}
      mono
      fault={wrong ?? fault}
      help="A JSON object of your own, at most 16 KiB. The gateway only keeps it."
      value={text}
      onInput={type}
    />
  );
}

function parse(text: string): object | string {
  if (text.trim() === "") return {};
  try {
    const read: unknown = JSON.parse(text);
    if (read !== null && typeof read === "object" && !Array.isArray(read)) return read;
    return "It has to be an object: { … }";
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : "It is no JSON.";
  }
}
