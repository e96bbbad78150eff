import shape from "shape:NewUser";
import { api, person, type Schema, take } from "@de/api";
import { Dialog, Form, faultsOf, Note, SchemaFields } from "@de/ui";
import { useState } from "preact/hooks";
import { TheirsNote, useDraft } from "../tenants/draft.tsx";
import { stateOf } from "../tenants/state.ts";
import { isMore, roles } from "./roles.ts";

type User = Schema<"User">;

/** Changes somebody. Nobody makes themselves less. */
export function EditUser(props: { onClose: () => void; onSaved: () => void; row: User }) {
  const { onClose, onSaved, row } = props;
  const path = { id: row.id };
  const draft = useDraft(row, () => take(api.GET("/v1/users/{id}", { params: { path } })));
  const [fault, setFault] = useState<unknown>(null);
  const save = async () => {
    await draft.save((body, base) =>
      take(api.PATCH("/v1/users/{id}", { body, params: { header: stateOf(base), path } })),
    );
    onSaved();
  };
  const isSelf = person.value?.id === row.id;
  return (
    <Dialog title={`Edit ${row.email}`} onClose={onClose}>
      <Form action="Save" onCancel={onClose} onFault={setFault} onSubmit={save}>
        <TheirsNote draft={draft} />
        <SchemaFields
          shape={shape}
          fields={isSelf ? ["email", "name"] : ["email", "name", "role"]}
          labels={{ email: "E-mail" }}
          helps={{ email: "", name: "", role: "" }}
          chosen={["role"]}
          options={{ role: roles() }}
          values={draft.values}
          onInput={draft.set}
          faults={faultsOf(fault)}
        />
        {isMore(draft.values.role, draft.base.role) && (
          <Note tone="warn">
            With a higher role, every key and log-in that they have now ends: somebody else may hold one of
            them. Make them a new key afterwards.
          </Note>
        )}
        {isSelf && <p class="quiet">Nobody changes their own role.</p>}
      </Form>
    </Dialog>
  );
}
