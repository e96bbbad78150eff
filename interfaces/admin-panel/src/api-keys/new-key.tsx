import { instance as acting, api, person, type Schema, take } from "@de/api";
import { Dialog, Form, faultsOf, SelectField, TextField, useInstances, useProjects } from "@de/ui";
import { useState } from "preact/hooks";
import { onlyOnce } from "../tenants/state.ts";
import { KeyFields, tidy, type Values } from "./key-fields.tsx";
import { useOwners } from "./owners.ts";
import { SecretShown } from "./secret-shown.tsx";

interface Whose {
  project_id?: string | undefined;
  user_id?: string | undefined;
}

interface NewKeyProps {
  /** Whose it shall be; asked for where it is not given. */
  fixed?: Whose;
  onClose: () => void;
  /** What is chosen at first where it is asked for. */
  suggested?: Whose;
}

/** Makes a key, and shows it this once. */
export function NewKey({ fixed, onClose, suggested }: NewKeyProps) {
  const [values, setValues] = useState<Values>({ expires_at: null, scopes: ["text"] });
  const [whose, setWhose] = useState<Whose>(fixed ?? suggested ?? {});
  const [kind, setKind] = useState(whose.user_id ? "user" : "project");
  const [fault, setFault] = useState<unknown>(null);
  const [made, setMade] = useState<Schema<"ApiKeyWithSecret"> | null>(null);
  const [once] = useState(onlyOnce);
  const organization = useOrganizationOf(whose);
  const isPersons = kind === "user";
  const make = async () => {
    const scopes = (values.scopes as string[]).filter((scope) => isPersons || scope !== "admin");
    const body = { ...tidy(values), ...whose, scopes } as Schema<"NewApiKey">;
    setMade(await take(api.POST("/v1/api-keys", { body, params: { header: once(body) } })));
  };
  if (made) return <SecretShown made={made} onClose={onClose} />;
  const choose = (word: string) => {
    setKind(word);
    setWhose(word === "user" ? { user_id: person.value?.id } : {});
  };
  return (
    <Dialog title="New API key" onClose={onClose} size="large">
      <Form action="Create API key" onCancel={onClose} onFault={setFault} onSubmit={make}>
        <div class="form-grid">
          <TextField
            label="Name"
            name="name"
            required={false}
            maxLength={200}
            help="What uses it, so that it is known later."
            fault={faultsOf(fault).name}
            value={String(values.name ?? "")}
            onInput={(name) => setValues({ ...values, name: name === "" ? undefined : name })}
          />
          {!fixed && (
            <SelectField
              label="For"
              options={[
                ["project", "A program: the key of a project"],
                ["user", "A person's scripts: their own key"],
              ]}
              value={kind}
              onInput={choose}
            />
          )}
          {!fixed && <OwnerField fault={faultsOf(fault)} kind={kind} onInput={setWhose} whose={whose} />}
        </div>
        <KeyFields
          fault={fault}
          isPersons={isPersons}
          onInput={setValues}
          organization={organization}
          values={values}
        />
      </Form>
    </Dialog>
  );
}

interface OwnerFieldProps {
  fault: Record<string, string>;
  kind: string;
  onInput: (whose: Whose) => void;
  whose: Whose;
}

function OwnerField({ fault, kind, onInput, whose }: OwnerFieldProps) {
  const owners = useOwners();
  const member = kind === "user" ? "user_id" : "project_id";
  const choice = (kind === "user" ? owners.users : owners.projects).filter(({ mayMake }) => mayMake);
  return (
    <SelectField
      label={kind === "user" ? "User" : "Project"}
      required
      fault={fault[member]}
      help={
        kind === "project" && choice.length === 0 ? "There is none that you may create keys for." : undefined
      }
      options={[["", "Choose…"] as const, ...choice.map(({ id, name }) => [id, name] as const)]}
      value={whose[member] ?? ""}
      onInput={(id) => onInput({ [member]: id })}
    />
  );
}

/** In whose models to look: those of the project's organization, else of the instance that one acts for. */
function useOrganizationOf({ project_id }: Whose): string | undefined {
  const projects = useProjects();
  const instances = useInstances();
  const at = project_id ? projects.data?.find(({ id }) => id === project_id)?.instance_id : acting.value;
  return instances.data?.find(({ id }) => id === at)?.organization_id;
}
