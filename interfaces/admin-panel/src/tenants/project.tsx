import { api, type Schema, take } from "@de/api";
import {
  Badge,
  Button,
  Code,
  Crumbs,
  confirm,
  Page,
  Resource,
  Time,
  tenantsChanged,
  toast,
  useInstances,
  useResource,
} from "@de/ui";
import { useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { KeysBelow } from "../api-keys/below.tsx";
import { nameOf } from "./columns.tsx";
import { LimitsCard } from "./limits-card.tsx";
import { Card, Changed, Facts, Id, None } from "./parts.tsx";
import { EditProject } from "./project-form.tsx";
import { remove } from "./remove.tsx";
import { span } from "./spans.ts";
import { type Place, useMay } from "./standing.ts";
import { stateOf } from "./state.ts";
import { StatusButton } from "./status-button.tsx";
import { UsageCard } from "./usage.tsx";
import "./tenants.css";

/** One project: what it is, its keys, what it uses. */
export default function Project() {
  const id = useRoute().params.id ?? "";
  const may = useMay();
  const instances = useInstances();
  const [editing, setEditing] = useState(false);
  const one = useResource(
    (signal) => take(api.GET("/v1/projects/{id}", { params: { path: { id } }, signal })),
    [id],
  );
  const above = one.data?.instance_id;
  const place = {
    instance: above,
    organization: instances.data?.find((instance) => instance.id === above)?.organization_id,
  };
  const close = () => setEditing(false);
  return (
    <Page
      title={one.data?.name ?? "Project"}
      lead={one.data?.description}
      crumbs={
        <Crumbs
          of={[
            ["/projects", "Projects"],
            ...(above ? [[`/instances/${above}`, nameOf(instances.data, above)] as const] : []),
          ]}
        />
      }
      actions={
        one.data && (
          <Actions row={one.data} place={place} onEdit={() => setEditing(true)} reload={one.reload} />
        )
      }
    >
      <Resource of={one}>
        {(row) => (
          <>
            <div class="two">
              <ProjectFacts row={row} instance={nameOf(instances.data, row.instance_id)} place={place} />
              <div class="stack">
                <UsageCard of={{ project_id: id }} />
                <LimitsCard of={{ id, scope: "project" }} />
              </div>
            </div>
            {may("key.see", place) && (
              <KeysBelow of={{ project_id: id }} canMake={may("key.change", place)} />
            )}
            {editing && (
              <EditProject
                row={row}
                onClose={close}
                onSaved={() => {
                  close();
                  void one.reload();
                }}
              />
            )}
          </>
        )}
      </Resource>
    </Page>
  );
}

interface FactsProps {
  instance: string;
  place: Place;
  row: Schema<"Project">;
}

function ProjectFacts({ instance, place, row }: FactsProps) {
  const may = useMay();
  const settings = Object.keys(row.settings).length > 0;
  return (
    <Card title="Set-up">
      <Facts
        of={[
          ["Status", <Badge key="status">{row.status}</Badge>],
          ["Id", <Id key="id">{row.id}</Id>],
          [
            "Instance",
            <a key="instance" href={`/instances/${row.instance_id}`}>
              {instance}
            </a>,
          ],
          [
            "Content",
            row.retain_content ? "prompts and replies may be kept" : "prompts and replies are not kept",
          ],
          ["Response cache", <CacheFact key="cache" place={place} row={row} />],
          ...(settings ? [] : [["Settings", <None key="settings" />] as const]),
          ["Created", <Time key="created" at={row.created_at} />],
          ["Changed", <Changed key="changed" row={row} seesAudit={may("audit.see", place)} />],
        ]}
      />
      {settings && (
        <>
          <h3>Settings</h3>
          <Code label="settings" text={JSON.stringify(row.settings, null, 2)} />
        </>
      )}
    </Card>
  );
}

/** How long answers are kept, and the way to give up what was. */
function CacheFact({ place, row }: { place: Place; row: Schema<"Project"> }) {
  const may = useMay();
  const clear = async () => {
    const done = await confirm({
      action: "Clear response cache",
      body: (
        <p>
          No answer that was kept for keys of this project is given any more. New ones are kept as before.
        </p>
      ),
      title: `Clear the response cache of ${row.name}?`,
      work: () => take(api.DELETE("/v1/projects/{id}/response-cache", { params: { path: { id: row.id } } })),
    });
    if (done) toast.done("The response cache is cleared");
  };
  return (
    <span class="row">
      {row.response_cache ? (
        `answers are kept for ${span(row.response_cache.ttl_s)}`
      ) : (
        <None>only where a call asks for it</None>
      )}
      {may("project.change", place) && (
        <Button size="small" onClick={clear}>
          Clear
        </Button>
      )}
    </span>
  );
}

interface ActionsProps extends Omit<FactsProps, "instance"> {
  onEdit: () => void;
  reload: () => Promise<void>;
}

function Actions({ onEdit, place, reload, row }: ActionsProps) {
  const { route } = useLocation();
  const may = useMay();
  const path = { id: row.id };
  const header = stateOf(row);
  const setStatus = (status: "active" | "suspended") =>
    take(api.PATCH("/v1/projects/{id}", { body: { status }, params: { header, path } })).finally(() => {
      tenantsChanged();
      return reload();
    });
  const erase = async () => {
    const done = await remove({
      again: () => take(api.GET("/v1/projects/{id}", { params: { path } })),
      kind: "project",
      name: row.name,
      note: "What its calls came to stays in the usage of the instance.",
      row,
      send: (asked) => take(api.DELETE("/v1/projects/{id}", { params: { ...asked, path } })),
    });
    if (!done) return reload();
    tenantsChanged();
    route(`/projects?instance_id=${row.instance_id}`);
  };
  return (
    <>
      {may("project.change", place) && (
        <>
          <Button onClick={onEdit}>Edit</Button>
          <StatusButton
            kind="project"
            name={row.name}
            send={setStatus}
            status={row.status}
            what="Its keys are answered 403 until it is active again. Calls under way run to their end."
          />
        </>
      )}
      {may("project.delete", place) && (
        <Button kind="danger" onClick={erase}>
          Delete
        </Button>
      )}
    </>
  );
}
