import { TextArea } from "@de/ui";
import { type Config, isConfig, part } from "../draft.ts";

/** What is asked of a model to see what it would send, or to try it: a prompt, and the rest as JSON. */
export interface Input {
  prompt: string;
  rest: string;
}

/** What a model of a kind is asked at first, with a value for each variable that a call has to give. */
export function firstInput(config: Config): Input {
  const makes = part(config, "capabilities");
  const prompt =
    makes.image === true ? "A lighthouse at dusk" : makes.text === true ? "Name three rivers." : "Hello.";
  const variables = Object.entries(part(part(config, "payload_mapping"), "variables"));
  const asked = variables.flatMap(([name, rule]) => {
    const isOurs = ["prompt", "user_prompt", "user_text"].includes(name);
    return isConfig(rule) && rule.required === true && !isOurs ? [[name, sample(rule)]] : [];
  });
  return { prompt, rest: asked.length === 0 ? "" : JSON.stringify(Object.fromEntries(asked)) };
}

function sample(rule: Config): unknown {
  if (Array.isArray(rule.enum) && rule.enum.length > 0) return rule.enum[0];
  const kind = rule.type;
  if (kind === "integer" || kind === "number") return typeof rule.min === "number" ? rule.min : 1;
  return kind === "boolean" ? true : kind === "array" ? [] : kind === "object" ? {} : "x";
}

/** How protocols call a text that is no prompt: what is spoken, and what becomes a vector. */
const TEXTS: Record<string, string> = {
  "elevenlabs-speech": "text",
  "gemini-embeddings": "input",
  "openai-embeddings": "input",
  "openai-speech": "text",
};

/** The input as the API takes it for a protocol; the reason where the rest is no object of JSON. */
export function inputOf({ prompt, rest }: Input, protocol: unknown): { input: Config } | { fault: string } {
  const said = prompt === "" ? {} : { [TEXTS[String(protocol)] ?? "prompt"]: prompt };
  if (rest.trim() === "") return { input: said };
  try {
    const parsed: unknown = JSON.parse(rest);
    if (!isConfig(parsed)) return { fault: 'expected an object, such as {"seed": 7}' };
    return { input: { ...said, ...parsed } };
  } catch (thrown) {
    return { fault: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

interface InputFieldsProps {
  fault: string | undefined;
  input: Input;
  onInput: (input: Input) => void;
  /** Options that the model's mapping declares. */
  options: readonly string[];
}

/** Where the input is written. */
export function InputFields({ fault, input, onInput, options }: InputFieldsProps) {
  const known =
    options.length > 0 ? `Known here: ${options.join(", ")}.` : 'Such as {"options": {"temperature": 0}}.';
  return (
    <div class="form">
      <TextArea
        label="Prompt"
        rows={2}
        value={input.prompt}
        onInput={(prompt) => onInput({ ...input, prompt })}
      />
      <details open={input.rest !== "" || fault !== undefined}>
        <summary>Other input</summary>
        <TextArea
          label="Other input, as JSON"
          help={known}
          fault={fault}
          mono
          rows={2}
          value={input.rest}
          onInput={(rest) => onInput({ ...input, rest })}
        />
      </details>
    </div>
  );
}

/** The options that a config's mapping declares, for the eye. */
export function optionsOf(config: Config): string[] {
  if (config.protocol !== "mapped") return [];
  return Object.keys(part(part(config, "payload_mapping"), "variables")).filter(
    (name) => !["prompt", "user_prompt", "user_text"].includes(name),
  );
}
