import { api, isAdministrator, take } from "@de/api";
import {
  Badge,
  Button,
  Crumbs,
  count,
  LinkButton,
  Note,
  Page,
  Resource,
  Tabs,
  Time,
  toast,
  useQuery,
  useResource,
} from "@de/ui";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { Bench } from "./bench/bench.tsx";
import { configOf } from "./draft.ts";
import { download } from "./export.ts";
import { priceWords } from "./price.ts";
import { remove } from "./remove.tsx";
import { isReadable, mayChange, type Row, type Saved } from "./rows.ts";
import { Unreadable } from "./unreadable.tsx";
import { UseTab } from "./use-tab.tsx";
import { Versions } from "./versions/versions.tsx";
import "./models.css";

const TABS = [
  ["edit", "Config"],
  ["versions", "Versions"],
  ["use", "Use"],
] as const;

/** One model: its config, its versions, who uses it. */
export default function Model({ id }: { id: string }) {
  const [query] = useQuery();
  const owner = query.organization_id;
  const model = useResource(
    async (signal) => {
      const params = { path: { id }, query: owner ? { organization_id: owner } : {} };
      return (await take(api.GET("/v1/model-configs/{id}", { params, signal }))) as Row;
    },
    [id, owner],
  );
  // Only what is there can say what else it is called.
  return (
    <Resource of={model}>
      {(row) => <One key={`${row.organization_id}/${row.model_id}`} first={row} />}
    </Resource>
  );
}

function One({ first }: { first: Row }) {
  const [query, change] = useQuery();
  const { route } = useLocation();
  const [row, setRow] = useState<Row>(first);
  // Counts what replaced the config from outside the bench.
  const [epoch, setEpoch] = useState(0);
  const replaced = (next: Saved) => {
    setRow(next);
    setEpoch(epoch + 1);
  };
  const tab = TABS.find(([name]) => name === query.tab)?.[0] ?? "edit";
  const isMine = mayChange(row);
  const takeAway = async () => {
    if (!(await remove(row))) return;
    toast.done(`${row.model_id} is deleted`);
    route("/models");
  };
  return (
    <Page
      title={row.model_id}
      crumbs={<Crumbs of={[["/models", "Models"]]} />}
      lead={
        <span class="row">
          {isReadable(row) ? row.display_name : "Cannot be read"}
          <Badge {...(isReadable(row) ? {} : { tone: "bad" as const })}>
            {isReadable(row) ? row.status : "unreadable"}
          </Badge>
          <span class="small">
            version {row.version}, <Time at={row.updated_at} />
            {row.organization_id ? `, private to ${row.organization_id}` : ", shared by all tenants"}
          </span>
          {isReadable(row) && <Terms row={row} />}
        </span>
      }
      actions={
        <>
          {isReadable(row) && <Button onClick={() => download(row)}>Export</Button>}
          {isReadable(row) && isAdministrator.value && (
            <LinkButton href={`/models/new?copy=${encodeURIComponent(row.model_id)}`}>Duplicate</LinkButton>
          )}
          {isMine && (
            <Button kind="danger" onClick={takeAway}>
              Delete
            </Button>
          )}
        </>
      }
    >
      {!isMine && isReadable(row) && <NotMine row={row} />}
      {isReadable(row) ? (
        <Tabs
          label="Model"
          tabs={TABS}
          selected={tab}
          onSelect={(next) =>
            change({ cursor: null, from: null, tab: next === "edit" ? null : next, to: null })
          }
        >
          {/* It stays while another tab is looked at: what is written in it is not saved yet. */}
          <div hidden={tab !== "edit"}>
            <Bench key={epoch} begin={configOf(row)} isMine={isMine} row={row} onSaved={setRow} />
          </div>
          {tab === "versions" && <Versions row={row} onChanged={replaced} />}
          {tab === "use" && <UseTab row={row} />}
        </Tabs>
      ) : (
        <Unreadable row={row} onChanged={replaced} />
      )}
    </Page>
  );
}

/** What one wants to know first: what it costs, how much it reads, and who serves it. */
function Terms({ row }: { row: Saved }) {
  const { context_window: tokens, pricing, provider_id } = row;
  const context = typeof tokens === "number" ? `${count(tokens)} tokens of context · ` : "";
  return (
    <span class="terms">
      {priceWords(pricing) ?? "no price"} · {context}by{" "}
      <a href={`/providers/${encodeURIComponent(provider_id)}`}>{provider_id}</a>
    </span>
  );
}

function NotMine({ row }: { row: Saved }) {
  return (
    <Note>
      {isAdministrator.value
        ? `This model is shared by all tenants: only who operates the service changes it. A model of your own with the id ${row.model_id} comes before it for your organization.`
        : "Your role may look at models and try previews, and change nothing."}
    </Note>
  );
}
