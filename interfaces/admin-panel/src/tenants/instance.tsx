import { instance as acting, api, type Schema, take, useInstance } from "@de/api";
import {
  Badge,
  Button,
  Crumbs,
  Page,
  Resource,
  tenantsChanged,
  toast,
  useOrganizations,
  useResource,
} from "@de/ui";
import { useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { GrantsOfInstance } from "../users/grants-of-instance.tsx";
import { ProjectsBelow } from "./below.tsx";
import { nameOf } from "./columns.tsx";
import { InstanceFacts } from "./instance-facts.tsx";
import { EditInstance } from "./instance-form.tsx";
import { LimitsCard } from "./limits-card.tsx";
import { NewProject } from "./project-form.tsx";
import { remove } from "./remove.tsx";
import { useMay } from "./standing.ts";
import { stateOf } from "./state.ts";
import { StatusButton } from "./status-button.tsx";
import { UsageCard } from "./usage.tsx";
import "./tenants.css";

/** One instance: how it is set up, what is below it, what it uses, who may act there. */
export default function Instance() {
  const id = useRoute().params.id ?? "";
  const { route } = useLocation();
  const may = useMay();
  const organizations = useOrganizations();
  const [open, setOpen] = useState<"edit" | "project" | null>(null);
  const one = useResource(
    (signal) => take(api.GET("/v1/instances/{id}", { params: { path: { id } }, signal })),
    [id],
  );
  const place = { instance: id, organization: one.data?.organization_id };
  const above = one.data?.organization_id;
  const close = () => setOpen(null);
  return (
    <Page
      title={one.data?.name ?? "Instance"}
      lead={
        one.data && (
          <>
            <Badge>{one.data.status}</Badge> {one.data.environment}
            {acting.value === id && ", the instance that you act for"}
          </>
        )
      }
      crumbs={
        <Crumbs
          of={[
            ["/instances", "Instances"],
            ...(above ? [[`/organizations/${above}`, nameOf(organizations.data, above)] as const] : []),
          ]}
        />
      }
      actions={one.data && <Actions row={one.data} onEdit={() => setOpen("edit")} reload={one.reload} />}
    >
      <Resource of={one}>
        {(row) => (
          <>
            <div class="two">
              <InstanceFacts row={row} organization={nameOf(organizations.data, row.organization_id)} />
              <div class="stack">
                <UsageCard of={{ instance_id: id }} />
                <LimitsCard of={{ id, scope: "instance" }} />
              </div>
            </div>
            <ProjectsBelow
              instance={id}
              onNew={may("project.change", place) ? () => setOpen("project") : undefined}
            />
            {may("grant.see", place) && (
              <GrantsOfInstance instance={row} canGive={may("grant.give", place)} />
            )}
            {open === "edit" && (
              <EditInstance
                row={row}
                onClose={close}
                onSaved={() => {
                  close();
                  void one.reload();
                }}
              />
            )}
            {open === "project" && (
              <NewProject instance={id} onClose={close} onMade={(made) => route(`/projects/${made.id}`)} />
            )}
          </>
        )}
      </Resource>
    </Page>
  );
}

interface ActionsProps {
  onEdit: () => void;
  reload: () => Promise<void>;
  row: Schema<"Instance">;
}

function Actions({ onEdit, reload, row }: ActionsProps) {
  const { route } = useLocation();
  const may = useMay();
  const path = { id: row.id };
  const header = stateOf(row);
  const place = { instance: row.id, organization: row.organization_id };
  const setStatus = (status: "active" | "suspended") =>
    take(api.PATCH("/v1/instances/{id}", { body: { status }, params: { header, path } })).finally(() => {
      tenantsChanged();
      return reload();
    });
  const erase = async () => {
    const done = await remove({
      again: () => take(api.GET("/v1/instances/{id}", { params: { path } })),
      kind: "instance",
      name: row.name,
      row,
      send: (asked) => take(api.DELETE("/v1/instances/{id}", { params: { ...asked, path } })),
    });
    if (!done) return reload();
    tenantsChanged();
    route(`/instances?organization_id=${row.organization_id}`);
  };
  const act = () => {
    useInstance(row.id);
    toast.done(`You act for ${row.name} now`);
  };
  return (
    <>
      {acting.value !== row.id && <Button onClick={act}>Act for it</Button>}
      {may("instance.change", place) && (
        <>
          <Button onClick={onEdit}>Edit</Button>
          <StatusButton
            kind="instance"
            name={row.name}
            send={setStatus}
            status={row.status}
            what="The keys of all its projects are answered 403 until it is active again. Calls under way run to their end."
          />
        </>
      )}
      {may("instance.delete", place) && (
        <Button kind="danger" onClick={erase}>
          Delete
        </Button>
      )}
    </>
  );
}
