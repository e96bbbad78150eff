import { Button, CheckField, SelectField, TextArea, TextField } from "@de/ui";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { faultsOf, toolNames } from "./body.ts";
import type { Model, Options } from "./models.ts";
import { narrowed, PARAMS, type Param, whyNot } from "./params.ts";
import type { Format, Settings } from "./types.ts";

interface PanelProps {
  chosen: readonly Model[];
  onChange: (changes: Partial<Settings>) => void;
  options: Options;
  settings: Settings;
}

/** Whether the settings lie beside the conversation, and not above it. */
const isWide = matchMedia("(min-width: 72rem)").matches;

/** What is sent beside the conversation. */
export default function SettingsPanel({ chosen, onChange, options, settings }: PanelProps) {
  const faults = faultsOf(settings);
  const set = Object.values(settings.params).filter((value) => value !== "").length;
  return (
    <aside class="settings" aria-label="Settings">
      <Part title="System prompt" isOpen={isWide} isSet={settings.system !== ""}>
        <textarea
          class="input"
          aria-label="System prompt"
          placeholder="Who the model is, and how it answers."
          rows={4}
          value={settings.system}
          onInput={(event) => onChange({ system: event.currentTarget.value })}
        />
      </Part>
      <Part title="Parameters" isOpen={set > 0} isSet={set > 0}>
        {PARAMS.map((param) => (
          <ParamField
            key={param.name}
            param={narrowed(param, chosen, options)}
            without={chosen.filter((model) => whyNot(model, param.name, options) !== null)}
            why={chosen.map((model) => whyNot(model, param.name, options)).find((why) => why !== null)}
            isForNobody={
              chosen.length > 0 && chosen.every((model) => whyNot(model, param.name, options) !== null)
            }
            fault={faults[param.name]}
            value={settings.params[param.name] ?? ""}
            onInput={(value) => onChange({ params: { ...settings.params, [param.name]: value } })}
          />
        ))}
        {set > 0 && (
          <Button size="small" kind="plain" onClick={() => onChange({ params: {} })}>
            Clear all
          </Button>
        )}
      </Part>
      <Tools settings={settings} chosen={chosen} fault={faults.tools} onChange={onChange} />
      <AnswerFormat settings={settings} chosen={chosen} fault={faults.schema} onChange={onChange} />
      <Part title="Sending" isOpen={false} isSet={!settings.stream || settings.onUnsupported !== ""}>
        <CheckField
          label="Stream"
          help="The answer comes as it is made."
          checked={settings.stream}
          onInput={(stream) => onChange({ stream })}
        />
        <SelectField
          label="What a vendor has no word for"
          help="Sent as x-de-on-unsupported."
          options={[
            ["", "as the model's config says"],
            ["reject", "refuse the request"],
            ["warn", "leave it out and say why"],
            ["drop", "leave it out"],
          ]}
          value={settings.onUnsupported}
          onInput={(word) => onChange({ onUnsupported: word as Settings["onUnsupported"] })}
        />
      </Part>
    </aside>
  );
}

/** A part that is open at first where something is set in it, and then as the person wants it. */
function Part(props: { children: ComponentChildren; isOpen: boolean; isSet: boolean; title: string }) {
  const [isOpen, setOpen] = useState(props.isOpen);
  return (
    <details class="part" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {props.title}
        {props.isSet && <span class="quiet small"> set</span>}
      </summary>
      <div class="form">{props.children}</div>
    </details>
  );
}

interface ParamProps {
  fault: string | undefined;
  isForNobody: boolean;
  onInput: (value: string) => void;
  param: Param;
  value: string;
  why: string | null | undefined;
  /** The chosen models to which it is not sent. */
  without: readonly Model[];
}

function ParamField({ fault, isForNobody, onInput, param, value, why, without }: ParamProps) {
  const { help, kind, label, max, min, words } = param;
  const bounds = !words && min !== undefined && max !== undefined ? ` From ${min} to ${max}.` : "";
  const names = without.map(({ display_name }) => display_name).join(", ");
  const told = without.length === 0 ? `${help}${bounds}` : `${help}${bounds} Not sent to ${names}: ${why}.`;
  const usual = { fault, help: told, label, value, onInput };
  if (kind === "list") return <TextArea {...usual} mono rows={2} />;
  if (words)
    return <SelectField {...usual} options={[["", "—"], ...words.map((word) => [word, word] as const)]} />;
  return (
    <TextField
      {...usual}
      disabled={isForNobody && value === ""}
      type="number"
      step={kind === "integer" ? 1 : "any"}
      {...(max === undefined ? {} : { max })}
      {...(min === undefined ? {} : { min })}
    />
  );
}

interface PieceProps {
  chosen: readonly Model[];
  fault: string | undefined;
  onChange: (changes: Partial<Settings>) => void;
  settings: Settings;
}

const EXAMPLE_TOOLS = `[
  {
    "type": "function",
    "function": {
      "name": "get_weather",
      "description": "How the weather is in a city.",
      "parameters": {
        "type": "object",
        "properties": { "city": { "type": "string" } },
        "required": ["city"]
      }
    }
  }
]`;

function Tools({ chosen, fault, onChange, settings }: PieceProps) {
  const names = toolNames(settings.tools);
  const without = chosen.filter(({ capabilities }) => capabilities.tools === false);
  return (
    <Part title="Tools" isOpen={settings.tools !== ""} isSet={settings.tools !== ""}>
      <TextArea
        label="Tools"
        help={
          without.length > 0
            ? `${without.map(({ display_name }) => display_name).join(", ")} cannot call tools.`
            : "As OpenAI's chat has them. You give the results yourself."
        }
        fault={fault}
        mono
        rows={settings.tools === "" ? 3 : 10}
        value={settings.tools}
        onInput={(tools) => onChange({ tools })}
      />
      {settings.tools === "" ? (
        <Button size="small" onClick={() => onChange({ tools: EXAMPLE_TOOLS })}>
          Put an example
        </Button>
      ) : (
        <SelectField
          label="Tool choice"
          options={[
            ["auto", "as the model likes"],
            ["required", "one of them"],
            ["none", "none"],
            ...names.map((name) => [`call:${name}`, name] as const),
          ]}
          value={settings.toolChoice}
          onInput={(toolChoice) => onChange({ toolChoice })}
        />
      )}
    </Part>
  );
}

const EXAMPLE_SCHEMA = `{
  "type": "object",
  "properties": { "answer": { "type": "string" } },
  "required": ["answer"],
  "additionalProperties": false
}`;

function AnswerFormat({ chosen, fault, onChange, settings }: PieceProps) {
  const without = chosen.filter(({ capabilities }) => capabilities.structured_output !== true);
  const choose = (format: string) =>
    onChange({
      format: format as Format,
      ...(format === "json_schema" && settings.schema === "" ? { schema: EXAMPLE_SCHEMA } : {}),
    });
  return (
    <Part title="Answer format" isOpen={settings.format !== "text"} isSet={settings.format !== "text"}>
      <SelectField
        label="Format"
        {...(settings.format === "json_schema" && without.length > 0
          ? {
              help: `${without.map(({ display_name }) => display_name).join(", ")}: not known to keep to a schema.`,
            }
          : {})}
        options={[
          ["text", "text"],
          ["json_object", "any JSON object"],
          ["json_schema", "JSON by a schema"],
        ]}
        value={settings.format}
        onInput={choose}
      />
      {settings.format === "json_schema" && (
        <TextArea
          label="JSON schema"
          fault={fault}
          mono
          rows={9}
          value={settings.schema}
          onInput={(schema) => onChange({ schema })}
        />
      )}
    </Part>
  );
}
