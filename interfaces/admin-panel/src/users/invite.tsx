import shape from "shape:NewUser";
import { api, isOperator, person, type Schema, take } from "@de/api";
import { Dialog, Form, faultsOf, Note, SchemaFields, toast, useOrganizations } from "@de/ui";
import { useState } from "preact/hooks";
import { onlyOnce } from "../tenants/state.ts";
import { roles } from "./roles.ts";

type Values = Record<string, unknown>;

interface InviteProps {
  onClose: () => void;
  onMade: (made: Schema<"User">) => void;
  /** Whose person it shall be; asked for where it is not given. */
  organization?: string | undefined;
}

/** Makes a person. Nobody is written to: that is for whoever invites. */
export function Invite({ onClose, onMade, organization }: InviteProps) {
  const fixed = organization ?? (isOperator.value ? undefined : person.value?.organization_id);
  const organizations = useOrganizations();
  const [values, setValues] = useState<Values>({ organization_id: fixed, role: "user" });
  const [fault, setFault] = useState<unknown>(null);
  const [once] = useState(onlyOnce);
  const make = async () => {
    const body = values as Schema<"NewUser">;
    const made = await take(api.POST("/v1/users", { body, params: { header: once(body) } }));
    toast.done(`${made.email} is invited`);
    onMade(made);
  };
  return (
    <Dialog title="Invite somebody" onClose={onClose}>
      <Form action="Invite" onCancel={onClose} onFault={setFault} onSubmit={make}>
        <SchemaFields
          shape={shape}
          fields={fixed ? ["email", "name", "role"] : ["organization_id", "email", "name", "role"]}
          labels={{ email: "E-mail", organization_id: "Organization" }}
          helps={{ email: "", name: "", organization_id: "", role: "" }}
          chosen={["role"]}
          options={{
            organization_id: [
              ["", "Choose…"],
              ...(organizations.data ?? []).map(({ id, name }) => [id, name] as const),
            ],
            role: roles(),
          }}
          values={values}
          onInput={setValues}
          faults={faultsOf(fault)}
        />
        <Note>
          No e-mail is sent. They log in by Cloudflare Access with this address, or with a key that you create
          for them next.
        </Note>
      </Form>
    </Dialog>
  );
}
