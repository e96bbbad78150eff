import shape from "shape:NewApiKey";
import type { Schema } from "@de/api";
import { faultsOf, SchemaFields } from "@de/ui";
import { lines } from "../tenants/state.ts";
import { ExpiryField } from "./expiry-field.tsx";
import { ModelsField } from "./models-field.tsx";
import { ScopesField } from "./scopes-field.tsx";

export type Values = Record<string, unknown>;

interface KeyFieldsProps {
  fault: unknown;
  isPersons: boolean;
  onInput: (values: Values) => void;
  organization: string | undefined;
  values: Values;
}

/** All that a key has, but for whose it is. */
export function KeyFields({ fault, isPersons, onInput, organization, values }: KeyFieldsProps) {
  const faults = faultsOf(fault);
  const set = (name: string) => (value: unknown) => onInput({ ...values, [name]: value });
  return (
    <>
      <ScopesField
        fault={faults.scopes}
        isPersons={isPersons}
        onInput={set("scopes")}
        value={(values.scopes ?? []) as Schema<"Scope">[]}
      />
      <div class="form-grid">
        <ExpiryField
          fault={faults.expires_at}
          onInput={set("expires_at")}
          value={(values.expires_at ?? null) as string | null}
        />
        <ModelsField
          fault={faults.allowed_models}
          onInput={set("allowed_models")}
          organization={organization}
          value={(values.allowed_models ?? null) as string[] | null}
        />
      </div>
      <SchemaFields
        shape={shape}
        fields={["allowed_origins", "allowed_addresses"]}
        helps={{
          allowed_addresses: "IP addresses that may use it, one a line. Empty: any.",
          allowed_origins: "Pages that may use it and read its answers, one a line. Empty: any may use it.",
        }}
        values={values}
        onInput={onInput}
        faults={faults}
      />
    </>
  );
}

/** What is sent of a form: its lists without empty lines. */
export function tidy(values: Values): Values {
  const lists = ["allowed_origins", "allowed_addresses"].filter((name) => Array.isArray(values[name]));
  const clean = lists.map((name) => [name, lines(values[name] as string[])] as const);
  return { ...values, ...Object.fromEntries(clean) };
}
