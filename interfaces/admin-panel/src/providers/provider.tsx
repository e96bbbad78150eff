import { api, instance, isApiError, take } from "@de/api";
import { Button, Crumbs, Form, Note, Page, Resource, Time, toast, useQuery, useResource } from "@de/ui";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { refusedFields } from "../models/bench/save.ts";
import { isSame } from "../models/draft.ts";
import { useLeaving } from "../models/leave.ts";
import { mayChange, ownerOf } from "../models/rows.ts";
import { bodyOf, draftOf, type Provider as Row } from "./draft.ts";
import { ProviderFields } from "./fields.tsx";
import { Health } from "./health.tsx";
import { KeyCard } from "./key-card.tsx";
import { ModelsOf } from "./models-of.tsx";
import { removeProvider } from "./remove.tsx";
import "../models/models.css";

/** One vendor: where it lives, how it does, its key on the chosen instance, its models. */
export default function Provider({ id }: { id: string }) {
  const [query] = useQuery();
  const owner = query.organization_id ? { organization_id: query.organization_id } : {};
  const provider = useResource(
    (signal) => take(api.GET("/v1/providers/{id}", { params: { path: { id }, query: owner }, signal })),
    [id, query.organization_id],
  );
  return (
    <Resource of={provider}>
      {(row) => <One key={row.updated_at} row={row} reload={provider.reload} />}
    </Resource>
  );
}

function One({ reload, row }: { reload: () => Promise<void>; row: Row }) {
  const { route } = useLocation();
  const isMine = mayChange(row);
  const [draft, setDraft] = useState(() => draftOf(row));
  const [fault, setFault] = useState<unknown>(null);
  const isDirty = !isSame(draft, draftOf(row));
  const leaving = useLeaving(isMine && isDirty);
  const save = async () => {
    const header = { "If-Match": tagOf(row) };
    const params = { header, path: { id: row.id }, query: ownerOf(row) };
    try {
      await take(api.PATCH("/v1/providers/{id}", { body: bodyOf(draft) as never, params }));
    } catch (thrown) {
      if (!isApiError(thrown) || thrown.details.saved === undefined) throw thrown;
      toast.failed(thrown);
    }
    toast.done(`${draft.displayName} is saved`);
    leaving.free();
    await reload();
  };
  const takeAway = async () => {
    if (!(await removeProvider(row, tagOf(row)))) return;
    toast.done(`${row.display_name} is deleted`);
    leaving.free();
    route("/providers");
  };
  const isOvertaken = isApiError(fault) && fault.status === 412;
  return (
    <Page
      title={row.display_name}
      crumbs={<Crumbs of={[["/providers", "Providers"]]} />}
      lead={
        <span class="row">
          <code>{row.id}</code>
          <span class="small">
            changed <Time at={row.updated_at} />
            {row.organization_id ? `, private to ${row.organization_id}` : ", shared by all tenants"}
          </span>
        </span>
      }
      actions={
        isMine && (
          <Button kind="danger" onClick={takeAway}>
            Delete
          </Button>
        )
      }
    >
      <div class="two">
        <Health id={row.id} />
        <KeyCard key={instance.value} provider={row} />
      </div>
      <section class="card" aria-label="Where it lives">
        <h2>Where it lives</h2>
        {!isMine && <Note>Shared by all tenants: only who operates the service changes it.</Note>}
        {isMine ? (
          <Form
            action="Save"
            onFault={setFault}
            onSubmit={save}
            {...(isDirty && { onCancel: () => setDraft(draftOf(row)) })}
          >
            <ProviderFields isNew={false} draft={draft} faults={refusedFields(fault)} onDraft={setDraft} />
            {isDirty && draft.baseUrl !== row.base_url && (
              <Note tone="warn">
                Keys are good for the place they were saved for: at another host they have to be saved again.
              </Note>
            )}
            {isOvertaken && (
              <Note tone="warn">
                <p>Somebody else has changed it meanwhile.</p>
                <Button size="small" onClick={reload}>
                  Drop mine, show theirs
                </Button>
              </Note>
            )}
          </Form>
        ) : (
          <fieldset disabled>
            <legend>As it is</legend>
            <ProviderFields isNew={false} draft={draft} faults={[]} onDraft={setDraft} />
          </fieldset>
        )}
      </section>
      <ModelsOf id={row.id} />
    </Page>
  );
}

/** Its `ETag` is the moment of its last change; browsers are not shown the header. */
function tagOf(row: Row): string {
  return `"${Date.parse(row.updated_at)}"`;
}
