import { api, isOperator, type Schema, take } from "@de/api";
import { Badge, Button, Crumbs, Page, Resource, Time, tenantsChanged, useResource } from "@de/ui";
import { useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { PeopleBelow } from "../users/below.tsx";
import { InstancesBelow } from "./below.tsx";
import { NewInstance } from "./instance-form.tsx";
import { LimitsCard } from "./limits-card.tsx";
import { EditOrganization } from "./organization-form.tsx";
import { Card, Changed, Facts, Id, Lines, None } from "./parts.tsx";
import { remove } from "./remove.tsx";
import { useMay } from "./standing.ts";
import { stateOf } from "./state.ts";
import { StatusButton } from "./status-button.tsx";
import { UsageCard } from "./usage.tsx";
import "./tenants.css";

/** One organization: what it is, what is below it, what it uses. */
export default function Organization() {
  const id = useRoute().params.id ?? "";
  const { route } = useLocation();
  const may = useMay();
  const [open, setOpen] = useState<"edit" | "instance" | null>(null);
  const one = useResource(
    (signal) => take(api.GET("/v1/organizations/{id}", { params: { path: { id } }, signal })),
    [id],
  );
  const place = { organization: id };
  const close = () => setOpen(null);
  return (
    <Page
      title={one.data?.name ?? "Organization"}
      crumbs={<Crumbs of={[["/organizations", "Organizations"]]} />}
      actions={one.data && <Actions row={one.data} onEdit={() => setOpen("edit")} reload={one.reload} />}
    >
      <Resource of={one}>
        {(row) => (
          <>
            <div class="two">
              <Card title="Organization">
                <Facts
                  of={[
                    ["Status", <Badge key="status">{row.status}</Badge>],
                    ["Id", <Id key="id">{row.id}</Id>],
                    ["Billing e-mail", row.billing_email ?? <None />],
                    [
                      "E-mail domains",
                      row.email_domains === null ? (
                        <None>any: nobody has said which are its own</None>
                      ) : (
                        <Lines
                          key="domains"
                          none="none: only a superadmin gives addresses"
                          of={row.email_domains}
                        >
                          {(domain) => <code>{domain}</code>}
                        </Lines>
                      ),
                    ],
                    ["Time zone", row.time_zone],
                    ["Created", <Time key="created" at={row.created_at} />],
                    ["Changed", <Changed key="changed" row={row} seesAudit={may("audit.see", place)} />],
                  ]}
                />
              </Card>
              <div class="stack">
                <UsageCard of={{ organization_id: id }} />
                {may("organization.limits", place) && <LimitsCard of={{ id, scope: "organization" }} />}
              </div>
            </div>
            <InstancesBelow
              organization={id}
              onNew={may("instance.make", place) ? () => setOpen("instance") : undefined}
            />
            {may("user.change", place) && <PeopleBelow organization={id} />}
            {open === "edit" && (
              <EditOrganization
                row={row}
                onClose={close}
                onSaved={() => {
                  close();
                  void one.reload();
                }}
              />
            )}
            {open === "instance" && (
              <NewInstance
                organization={id}
                onClose={close}
                onMade={(made) => route(`/instances/${made.id}`)}
              />
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
  row: Schema<"Organization">;
}

function Actions({ onEdit, reload, row }: ActionsProps) {
  const { route } = useLocation();
  const may = useMay();
  const path = { id: row.id };
  const header = stateOf(row);
  const setStatus = (status: "active" | "suspended") =>
    take(api.PATCH("/v1/organizations/{id}", { body: { status }, params: { header, path } })).finally(() => {
      tenantsChanged();
      return reload();
    });
  const erase = async () => {
    const done = await remove({
      again: () => take(api.GET("/v1/organizations/{id}", { params: { path } })),
      kind: "organization",
      name: row.name,
      row,
      send: (asked) => take(api.DELETE("/v1/organizations/{id}", { params: { ...asked, path } })),
    });
    if (!done) return reload();
    tenantsChanged();
    route("/organizations");
  };
  return (
    <>
      {may("organization.change", { organization: row.id }) && <Button onClick={onEdit}>Edit</Button>}
      {isOperator.value && (
        <StatusButton
          kind="organization"
          name={row.name}
          send={setStatus}
          status={row.status}
          what="All keys of its projects and people are answered 403 until it is active again. Calls under way run to their end."
        />
      )}
      {may("organization.delete", { organization: row.id }) && (
        <Button kind="danger" onClick={erase}>
          Delete
        </Button>
      )}
    </>
  );
}
