import { api, type Schema, take } from "@de/api";
import { Dialog, Form, tenantsChanged, toast } from "@de/ui";
import { useState } from "preact/hooks";
import { TheirsNote, useDraft } from "./draft.tsx";
import { ProjectFields, type Values } from "./project-fields.tsx";
import { onlyOnce, stateOf } from "./state.ts";

type Project = Schema<"Project">;

interface NewProjectProps {
  /** Where it shall stand; asked for where it is not given. */
  instance?: string | undefined;
  onClose: () => void;
  onMade: (made: Project) => void;
  /** What is chosen at first where it is asked for. */
  suggested?: string | null;
}

/** Makes a project. */
export function NewProject({ instance, onClose, onMade, suggested }: NewProjectProps) {
  const [values, setValues] = useState<Values>({ instance_id: instance ?? suggested ?? undefined });
  const [fault, setFault] = useState<unknown>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const [once] = useState(onlyOnce);
  const make = async () => {
    if (wrong) throw new Error(wrong);
    const body = values as Schema<"NewProject">;
    const made = await take(api.POST("/v1/projects", { body, params: { header: once(body) } }));
    toast.done(`${made.name} is created`);
    tenantsChanged();
    onMade(made);
  };
  return (
    <Dialog title="New project" onClose={onClose} size="large">
      <Form action="Create project" onCancel={onClose} onFault={setFault} onSubmit={make}>
        <ProjectFields
          asksInstance={!instance}
          fault={fault}
          onInput={setValues}
          onWrong={setWrong}
          values={values}
        />
      </Form>
    </Dialog>
  );
}

/** Changes a project. */
export function EditProject(props: { onClose: () => void; onSaved: () => void; row: Project }) {
  const { onClose, onSaved, row } = props;
  const path = { id: row.id };
  const draft = useDraft(row, () => take(api.GET("/v1/projects/{id}", { params: { path } })));
  const [fault, setFault] = useState<unknown>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const save = async () => {
    if (wrong) throw new Error(wrong);
    await draft.save((body, base) =>
      take(api.PATCH("/v1/projects/{id}", { body, params: { header: stateOf(base), path } })),
    );
    tenantsChanged();
    onSaved();
  };
  return (
    <Dialog title={`Edit ${row.name}`} onClose={onClose} size="large">
      <Form action="Save" onCancel={onClose} onFault={setFault} onSubmit={save}>
        <TheirsNote draft={draft} />
        <ProjectFields
          asksInstance={false}
          fault={fault}
          onInput={draft.set}
          onWrong={setWrong}
          values={draft.values}
        />
      </Form>
    </Dialog>
  );
}
