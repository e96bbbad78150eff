import { api, type Schema, take } from "@de/api";
import { Dialog, Form, tenantsChanged, toast } from "@de/ui";
import { useState } from "preact/hooks";
import { TheirsNote, useDraft } from "./draft.tsx";
import { InstanceFields, type Values } from "./instance-fields.tsx";
import { lines, onlyOnce, stateOf } from "./state.ts";

type Instance = Schema<"Instance">;

interface NewInstanceProps {
  onClose: () => void;
  onMade: (made: Instance) => void;
  /** Where it shall stand; asked for where it is not given. */
  organization?: string | undefined;
}

/** Makes an instance. */
export function NewInstance({ onClose, onMade, organization }: NewInstanceProps) {
  const [values, setValues] = useState<Values>({
    environment: "development",
    on_limiter_failure: "refuse",
    ...(organization && { organization_id: organization }),
  });
  const [fault, setFault] = useState<unknown>(null);
  const [once] = useState(onlyOnce);
  const make = async () => {
    const body = tidy(values) as Schema<"NewInstance">;
    const made = await take(api.POST("/v1/instances", { body, params: { header: once(body) } }));
    toast.done(`${made.name} is created`);
    tenantsChanged();
    onMade(made);
  };
  return (
    <Dialog title="New instance" onClose={onClose} size="large">
      <Form action="Create instance" onCancel={onClose} onFault={setFault} onSubmit={make}>
        <InstanceFields asksOrganization={!organization} fault={fault} onInput={setValues} values={values} />
      </Form>
    </Dialog>
  );
}

/** Changes an instance. */
export function EditInstance(props: { onClose: () => void; onSaved: () => void; row: Instance }) {
  const { onClose, onSaved, row } = props;
  const path = { id: row.id };
  const draft = useDraft(row, () => take(api.GET("/v1/instances/{id}", { params: { path } })));
  const [fault, setFault] = useState<unknown>(null);
  const save = async () => {
    await draft.save((edits, base) => {
      const params = { header: stateOf(base), path };
      return take(api.PATCH("/v1/instances/{id}", { body: tidy(edits), params }));
    });
    tenantsChanged();
    onSaved();
  };
  return (
    <Dialog title={`Edit ${row.name}`} onClose={onClose} size="large">
      <Form action="Save" onCancel={onClose} onFault={setFault} onSubmit={save}>
        <TheirsNote draft={draft} />
        <InstanceFields asksOrganization={false} fault={fault} onInput={draft.set} values={draft.values} />
      </Form>
    </Dialog>
  );
}

function tidy(values: Values): Values {
  if (!Array.isArray(values.allowed_origins)) return values;
  return { ...values, allowed_origins: lines(values.allowed_origins) };
}
