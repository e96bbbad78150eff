import { readFileSync } from "node:fs";
import path from "node:path";
import type { Plugin } from "vite";

const DESCRIPTION = path.join(import.meta.dirname, "../../docs/openapi.json");
const PREFIX = "shape:";

interface Schema {
  $ref?: string;
  allOf?: Schema[];
  anyOf?: Schema[];
  default?: unknown;
  description?: string;
  enum?: unknown[];
  items?: Schema;
  maximum?: number;
  maxLength?: number;
  minimum?: number;
  oneOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  type?: string | string[];
}

/**
 * `import shape from "shape:NewProject"`: the members of one of the API's bodies, without the rest of the
 * description, which is larger than all pages together.
 */
export function shapes(): Plugin {
  return {
    name: "de-shapes",
    resolveId: (id) => (id.startsWith(PREFIX) ? `\0${id}` : null),
    load(id) {
      if (!id.startsWith(`\0${PREFIX}`)) return null;
      this.addWatchFile(DESCRIPTION);
      const all = JSON.parse(readFileSync(DESCRIPTION, "utf8")).components.schemas;
      return `export default ${JSON.stringify(shape(id.slice(PREFIX.length + 1), all))}`;
    },
  };
}

function shape(name: string, all: Record<string, Schema>) {
  if (!all[name]) throw new Error(`the API describes no ${name}`);
  const whole = flat(all[name], all);
  const required = new Set(whole.required ?? []);
  const members = Object.entries(whole.properties ?? {}).map(([member, schema]) => {
    const own = flat(schema, all);
    const types = [own.type ?? "object"].flat();
    const items = own.items ? flat(own.items, all) : undefined;
    const described = {
      default: own.default,
      description: schema.description ?? own.description,
      enum: own.enum?.filter((word) => typeof word === "string"),
      items: items && { enum: items.enum, type: [items.type ?? "object"].flat()[0] },
      maximum: own.maximum,
      maxLength: own.maxLength,
      minimum: own.minimum,
      nullable: types.includes("null") || undefined,
      required: required.has(member),
      type: types.find((type) => type !== "null"),
    };
    return [member, described];
  });
  return Object.fromEntries(members);
}

/** A schema with what it refers to and what it is made of, as one. */
function flat(schema: Schema, all: Record<string, Schema>): Schema {
  if (schema.$ref) {
    const { $ref, ...own } = schema;
    const named = all[$ref.split("/").at(-1) ?? ""];
    if (!named) throw new Error(`${$ref} is not there`);
    return { ...flat(named, all), ...own };
  }
  const choices = (schema.oneOf ?? schema.anyOf ?? []).map((choice) => flat(choice, all));
  const told = choices.filter((choice) => choice.type !== "null");
  const parts = [...(schema.allOf ?? []).map((part) => flat(part, all)), ...(told.length === 1 ? told : [])];
  const merged: Schema = Object.assign({}, ...parts);
  merged.properties = Object.assign({}, ...parts.map((part) => part.properties));
  merged.required = parts.flatMap((part) => part.required ?? []);
  const whole = {
    ...merged,
    ...schema,
    properties: { ...merged.properties, ...schema.properties },
    required: [...(merged.required ?? []), ...(schema.required ?? [])],
  };
  if (told.length < choices.length) whole.type = [...[whole.type ?? "object"].flat(), "null"];
  return whole;
}
