import shape from "shape:NewApiKey";
import { api, type Schema, take } from "@de/api";
import { Dialog, Form, faultsOf, SchemaFields } from "@de/ui";
import { useState } from "preact/hooks";
import { TheirsNote, useDraft } from "../tenants/draft.tsx";
import { stateOf } from "../tenants/state.ts";
import { KeyFields, tidy } from "./key-fields.tsx";

type Key = Schema<"ApiKeyShown">;

/** Changes what a key may do. */
export function EditKey(props: { onClose: () => void; onSaved: () => void; row: Key }) {
  const { onClose, onSaved, row } = props;
  const path = { id: row.id };
  const draft = useDraft(row, () => take(api.GET("/v1/api-keys/{id}", { params: { path } })));
  const [fault, setFault] = useState<unknown>(null);
  const save = async () => {
    await draft.save((edits, base) => {
      const params = { header: stateOf(base), path };
      return take(api.PATCH("/v1/api-keys/{id}", { body: tidy(edits), params }));
    });
    onSaved();
  };
  return (
    <Dialog title={`Edit ${row.name || "API key"}`} onClose={onClose} size="large">
      <Form action="Save" onCancel={onClose} onFault={setFault} onSubmit={save}>
        <TheirsNote draft={draft} />
        <SchemaFields
          shape={shape}
          fields={["name"]}
          helps={{ name: "What uses it, so that it is known later." }}
          values={draft.values}
          onInput={draft.set}
          faults={faultsOf(fault)}
        />
        <KeyFields
          fault={fault}
          isPersons={row.user_id !== null}
          onInput={draft.set}
          organization={row.organization_id}
          values={draft.values}
        />
      </Form>
    </Dialog>
  );
}
