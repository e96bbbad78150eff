import { instance, isAdministrator } from "@de/api";
import { Badge, Button, FilterText, Page, Resource, Table, Tag, useQuery, useResource } from "@de/ui";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { isReadable, loadModels, loadProviders, providerHref, useProviderKeys } from "../models/rows.ts";
import { HealthWord } from "./health.tsx";
import { NewProvider } from "./new-provider.tsx";
import "../models/models.css";

/** All vendors that one may see: where they live, how they do, whether the chosen instance has a key. */
export default function Providers() {
  const [query] = useQuery();
  const { route } = useLocation();
  const [isMaking, setMaking] = useState(false);
  const list = useResource(loadProviders, []);
  const models = useResource(loadModels, []);
  const at = instance.value;
  const keys = useProviderKeys(at);
  const countOf = (id: string) =>
    (models.data ?? []).filter((model) => isReadable(model) && model.provider_id === id).length;
  const keyOf = (id: string) => keys.data?.find((key) => key.provider_id === id);
  const asked = (query.q ?? "").toLowerCase();
  return (
    <Page
      title="Providers"
      lead="Where vendors live, and where their keys may go."
      actions={
        isAdministrator.value && (
          <Button kind="primary" onClick={() => setMaking(true)}>
            New provider
          </Button>
        )
      }
    >
      <search class="filters">
        <FilterText label="Search" name="q" type="search" placeholder="Id, name or address" />
      </search>
      <Resource
        of={list}
        isEmpty={(rows) => rows.length === 0}
        empty={
          <>
            <h2>No provider yet</h2>
            <p>A provider says where a vendor lives. Models name one.</p>
          </>
        }
      >
        {(rows) => (
          <Table
            caption="Providers"
            id={(row) => `${row.organization_id ?? ""}/${row.id}`}
            rows={rows.filter((row) =>
              [row.id, row.display_name, row.base_url].some((text) => text.toLowerCase().includes(asked)),
            )}
            columns={[
              {
                cell: (row) => (
                  <div class="model-name">
                    <a href={providerHref(row)}>{row.display_name}</a>
                    <div class="small quiet">
                      <code>{row.id}</code> {row.organization_id && <Tag>private</Tag>}
                    </div>
                  </div>
                ),
                head: "Provider",
                sort: (row) => row.display_name,
              },
              {
                cell: (row) => <code class="nowrap">{row.base_url}</code>,
                head: "Base URL",
                sort: (row) => row.base_url,
              },
              {
                cell: (row) => (
                  <a href={`/models?provider_id=${encodeURIComponent(row.id)}`}>{countOf(row.id)}</a>
                ),
                head: "Models",
                isNumber: true,
                sort: (row) => countOf(row.id),
              },
              {
                cell: (row) => <KeyWord isKnown={keys.data !== undefined} row={keyOf(row.id)} />,
                head: "Key",
                sort: (row) => (keyOf(row.id) ? 1 : 0),
              },
              { cell: (row) => <HealthWord id={row.id} />, head: "Last 15 minutes" },
            ]}
            foot={<span>{rows.length} providers. Keys and calls are those of the chosen instance.</span>}
          />
        )}
      </Resource>
      {isMaking && (
        <NewProvider onClose={() => setMaking(false)} onMade={async (made) => route(providerHref(made))} />
      )}
    </Page>
  );
}

function KeyWord(props: {
  isKnown: boolean;
  row: { last_four: string | null; usable: boolean } | undefined;
}) {
  const { isKnown, row } = props;
  if (!isKnown) return <span class="quiet">…</span>;
  if (!row) return <span class="quiet">none</span>;
  return row.usable ? <code>…{row.last_four ?? "****"}</code> : <Badge tone="bad">not usable</Badge>;
}
