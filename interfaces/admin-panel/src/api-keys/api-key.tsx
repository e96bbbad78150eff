import { instance as acting, api, isOperator, person, type Schema, take } from "@de/api";
import { Button, Crumbs, confirm, Note, Page, Resource, Time, useResource } from "@de/ui";
import { useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { LimitsCard } from "../tenants/limits-card.tsx";
import { saving } from "../tenants/saving.ts";
import { useMay } from "../tenants/standing.ts";
import { stateOf } from "../tenants/state.ts";
import { UsageCard } from "../tenants/usage.tsx";
import { KeyEnd } from "./columns.tsx";
import { EditKey } from "./edit-key.tsx";
import { KeyFacts } from "./key-facts.tsx";
import { holds, KeyStateBadge, stateOfKey } from "./key-state.tsx";
import { RotateKey } from "./rotate-key.tsx";
import "../tenants/tenants.css";
import "./api-keys.css";

type Key = Schema<"ApiKeyShown">;

/** One key: what it may do, when it was used, and how it ends. */
export default function ApiKey() {
  const id = useRoute().params.id ?? "";
  const { route } = useLocation();
  const [open, setOpen] = useState<"edit" | "rotate" | null>(null);
  const one = useResource(
    (signal) => take(api.GET("/v1/api-keys/{id}", { params: { path: { id } }, signal })),
    [id],
  );
  const close = () => setOpen(null);
  // The key of a project is limited where that is, that of a person in each instance by itself.
  const at = one.data?.instance_id ?? acting.value;
  return (
    <Page
      title={one.data ? one.data.name || "API key without a name" : "API key"}
      lead={
        one.data && (
          <>
            <KeyEnd of={one.data} /> <KeyStateBadge of={one.data} />
          </>
        )
      }
      crumbs={<Crumbs of={[["/api-keys", "API keys"]]} />}
      actions={one.data && <Actions row={one.data} onOpen={setOpen} reload={one.reload} />}
    >
      <Resource of={one}>
        {(row) => (
          <>
            <StateNote row={row} />
            <div class="two">
              <KeyFacts row={row} />
              <div class="stack">
                <UsageCard of={{ api_key_id: id }} />
                {at && <LimitsCard of={{ id, instance: at, scope: "key" }} />}
              </div>
            </div>
            {open === "edit" && (
              <EditKey
                row={row}
                onClose={close}
                onSaved={() => {
                  close();
                  void one.reload();
                }}
              />
            )}
            {open === "rotate" && (
              <RotateKey
                row={row}
                onClose={() => {
                  close();
                  // Somebody may have changed it, which is why it was refused.
                  void one.reload();
                }}
                onRotated={(made) => {
                  close();
                  route(`/api-keys/${made.id}`);
                }}
              />
            )}
          </>
        )}
      </Resource>
    </Page>
  );
}

/** What there is to do about a key that ends, or has ended. */
function StateNote({ row }: { row: Key }) {
  const state = stateOfKey(row);
  if (state === "active") return null;
  if (state === "revoked") {
    return (
      <Note>
        <p>
          It was revoked <Time at={row.revoked_at} />, and opens nothing any more.
        </p>
      </Note>
    );
  }
  return state === "expired" ? (
    <Note tone="bad">
      <p>
        It has expired <Time at={row.expires_at} />. Give it a later end by Edit, or create another one.
      </p>
    </Note>
  ) : (
    <Note tone="warn">
      <p>
        It expires <Time at={row.expires_at} />. Rotate it in time, or give it a later end by Edit.
      </p>
    </Note>
  );
}

interface ActionsProps {
  onOpen: (what: "edit" | "rotate") => void;
  reload: () => Promise<void>;
  row: Key;
}

function Actions({ onOpen, reload, row }: ActionsProps) {
  const may = useMay();
  const place = { instance: row.instance_id, organization: row.organization_id };
  const isOwn = row.user_id !== null && row.user_id === person.value?.id;
  if (row.revoked_at || !(isOwn || isOperator.value || may("key.change", place))) return null;
  const revoke = async () => {
    const params = { header: stateOf(row), path: { id: row.id } };
    await confirm({
      action: "Revoke API key",
      body: (
        <div class="form">
          <p>Calls with it are refused from now on, on every worker. It cannot be undone.</p>
          <p>
            {row.last_used_at ? (
              <>
                It was last used <Time at={row.last_used_at} />.
              </>
            ) : (
              "It was never used."
            )}
          </p>
        </div>
      ),
      title: `Revoke ${row.name || "this API key"}?`,
      work: () => saving(take(api.DELETE("/v1/api-keys/{id}", { params })), "The API key is revoked"),
    });
    await reload();
  };
  return (
    <>
      <Button onClick={() => onOpen("edit")}>Edit</Button>
      {holds(row) && <Button onClick={() => onOpen("rotate")}>Rotate</Button>}
      <Button kind="danger" onClick={revoke}>
        Revoke
      </Button>
    </>
  );
}
