import { type FieldFault, isOperator } from "@de/api";
import { ListField, SelectField, TextField, useOrganizations } from "@de/ui";
import { faultAt } from "../models/draft.ts";
import { Defaults } from "./defaults.tsx";
import type { ProviderDraft } from "./draft.ts";

interface ProviderFieldsProps {
  draft: ProviderDraft;
  faults: readonly FieldFault[];
  isNew: boolean;
  onDraft: (draft: ProviderDraft) => void;
}

/** Where a vendor lives, and where its key goes. */
export function ProviderFields({ draft, faults, isNew, onDraft }: ProviderFieldsProps) {
  const set = (changes: Partial<ProviderDraft>) => onDraft({ ...draft, ...changes });
  const of = (pointer: string) => faultAt(faults, pointer, true);
  return (
    <div class="form">
      <div class="form-grid">
        {isNew && (
          <TextField
            label="Id"
            help="Lower case, digits and dashes. Models name it."
            required
            maxLength={50}
            fault={of("/id")}
            value={draft.id}
            onInput={(id) => set({ id })}
          />
        )}
        <TextField
          label="Display name"
          required
          maxLength={200}
          fault={of("/display_name")}
          value={draft.displayName}
          onInput={(displayName) => set({ displayName })}
        />
        {isNew && isOperator.value && (
          <Owner value={draft.organizationId} onInput={(organizationId) => set({ organizationId })} />
        )}
        <TextField
          wide
          label="Base URL"
          help="https, a public name; with the version for OpenAI's protocols, without it for Anthropic's."
          required
          maxLength={500}
          placeholder="https://api.example.com/v1"
          fault={of("/base_url")}
          value={draft.baseUrl}
          onInput={(baseUrl) => set({ baseUrl: baseUrl.trim() })}
        />
      </div>
      <fieldset>
        <legend>The key goes in</legend>
        <div class="form-grid">
          <SelectField
            label="Place"
            fault={of("/auth")}
            options={[
              ["bearer", "Authorization: Bearer"],
              ["header", "A header"],
              ["query", "A query parameter"],
            ]}
            value={draft.authKind}
            onInput={(kind) => set({ authKind: kind as ProviderDraft["authKind"] })}
          />
          {draft.authKind !== "bearer" && (
            <TextField
              label={draft.authKind === "header" ? "Header" : "Parameter"}
              required
              placeholder={draft.authKind === "header" ? "x-api-key" : "key"}
              value={draft.authName}
              onInput={(authName) => set({ authName })}
            />
          )}
          {draft.authKind === "header" && (
            <TextField
              label="Before the key"
              required={false}
              help="With its space, such as “Key ”."
              value={draft.authPrefix}
              onInput={(authPrefix) => set({ authPrefix })}
            />
          )}
        </div>
      </fieldset>
      <fieldset>
        <legend>Key test</legend>
        <div class="form-grid">
          <TextField
            label="Path"
            required={false}
            help="A call that costs nothing and fails with a bad key. Without one a key cannot be tried."
            fault={of("/key_test")}
            value={draft.keyTestPath}
            onInput={(keyTestPath) => set({ keyTestPath })}
          />
          <SelectField
            label="Method"
            options={["GET", "HEAD"]}
            value={draft.keyTestMethod}
            onInput={(keyTestMethod) => set({ keyTestMethod })}
          />
        </div>
      </fieldset>
      <details>
        <summary>Hosts, headers and where its protocol differs</summary>
        <div class="form-grid">
          <ListField
            label="Allowed hosts"
            required={false}
            help="Other hosts that may get the key, one a line."
            fault={of("/allowed_hosts")}
            value={draft.hosts}
            onInput={(hosts) => set({ hosts })}
          />
          <ListField
            label="Headers"
            required={false}
            help="Sent with every call: name: value, one a line. Never a key."
            fault={of("/headers")}
            value={draft.headers}
            onInput={(headers) => set({ headers })}
          />
          <Defaults
            fault={of("/protocol_defaults")}
            values={draft.defaults}
            onInput={(defaults) => set({ defaults })}
          />
        </div>
      </details>
    </div>
  );
}

/** Shared by all tenants, or one organization's own. */
function Owner({ onInput, value }: { onInput: (id: string) => void; value: string }) {
  const organizations = useOrganizations();
  const options = (organizations.data ?? []).map(({ id, name }) => [id, name] as const);
  return (
    <SelectField label="For" options={[["", "All tenants"], ...options]} value={value} onInput={onInput} />
  );
}
