import shape from "shape:NewInstance";
import { faultsOf, SchemaFields, SelectField, useOrganizations } from "@de/ui";
import { type Kind, useModelsByKind } from "./models-by-kind.ts";

export type Values = Record<string, unknown>;

const FIELDS = [
  "name",
  "environment",
  "on_limiter_failure",
  "retention_days",
  "default_max_output_tokens",
  "allowed_origins",
] as const;

const HELPS = {
  allowed_origins: "Pages that may read answers, one a line: https://app.example.com",
  default_max_output_tokens: "For calls and models that name no bound.",
  environment: "Test keys are refused in production.",
  name: "",
  on_limiter_failure: "What happens to calls when limits cannot be counted.",
  organization_id: "It stays there.",
  retention_days: "For how long its media and requests are kept. Empty: media are kept.",
};

const KINDS: readonly (readonly [Kind, string])[] = [
  ["text", "Text"],
  ["image", "Image"],
  ["audio", "Audio"],
  ["video", "Video"],
];

interface InstanceFieldsProps {
  asksOrganization: boolean;
  fault: unknown;
  onInput: (values: Values) => void;
  values: Values;
}

/** All that an instance has, but for its state. */
export function InstanceFields({ asksOrganization, fault, onInput, values }: InstanceFieldsProps) {
  const organizations = useOrganizations();
  const faults = faultsOf(fault);
  return (
    <>
      <SchemaFields
        shape={shape}
        fields={asksOrganization ? ["organization_id", ...FIELDS] : FIELDS}
        labels={{
          default_max_output_tokens: "Output bound in tokens",
          on_limiter_failure: "When the Limiter fails",
          organization_id: "Organization",
          retention_days: "Retention in days",
        }}
        helps={HELPS}
        chosen={["on_limiter_failure"]}
        options={{
          on_limiter_failure: [
            ["refuse", "Refuse calls"],
            ["allow", "Allow calls"],
          ],
          organization_id: [
            ["", "Choose…"],
            ...(organizations.data ?? []).map(({ id, name }) => [id, name] as const),
          ],
        }}
        values={values}
        onInput={onInput}
        faults={faults}
      />
      <DefaultModels
        fault={faults.default_models}
        organization={values.organization_id as string | undefined}
        value={(values.default_models ?? {}) as Partial<Record<Kind, string>>}
        onInput={(models) => onInput({ ...values, default_models: models })}
      />
    </>
  );
}

interface DefaultModelsProps {
  fault: string | undefined;
  onInput: (models: Partial<Record<Kind, string>>) => void;
  organization: string | undefined;
  value: Partial<Record<Kind, string>>;
}

function DefaultModels({ fault, onInput, organization, value }: DefaultModelsProps) {
  const models = useModelsByKind(organization);
  const set = (kind: Kind, id: string) => {
    const { [kind]: _, ...others } = value;
    onInput(id === "" ? others : { ...others, [kind]: id });
  };
  return (
    <fieldset>
      <legend>Default models</legend>
      <div class="form">
        <span class="field-help">The model that serves where a call names none.</span>
        <div class="form-grid">
          {KINDS.map(([kind, name]) => {
            const ids = models.data?.[kind] ?? [];
            const chosen = value[kind];
            const others = chosen && !ids.includes(chosen) ? [chosen] : [];
            const options = [...ids, ...others].map((id) => [id, id] as const);
            return (
              <SelectField
                key={kind}
                label={name}
                options={[["", "None: calls name one"] as const, ...options]}
                value={chosen ?? ""}
                onInput={(id) => set(kind, id)}
              />
            );
          })}
        </div>
        {fault && <span class="field-fault">{fault}</span>}
      </div>
    </fieldset>
  );
}
