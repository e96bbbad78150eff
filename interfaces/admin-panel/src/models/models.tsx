import { instance, isAdministrator } from "@de/api";
import { Badge, Button, LinkButton, Page, Resource, Table, Tag, useQuery, useResource } from "@de/ui";
import { useState } from "preact/hooks";
import { Filters, matches } from "./filters.tsx";
import { Import } from "./import.tsx";
import { priceRank, priceWords } from "./price.ts";
import { isReadable, kindsOf, loadModels, modelHref, type Row, useProviders } from "./rows.ts";
import { fallbackOf, loadDefaults, loadUse, type Use } from "./usage.ts";
import "./models.css";
import { UseWords } from "./use-words.tsx";

/** All models that one may see, by provider. */
export default function Models() {
  const [query] = useQuery();
  const [importing, setImporting] = useState(false);
  const list = useResource(loadModels, []);
  const providers = useProviders();
  const use = useResource(loadUse, []);
  const defaults = useResource(loadDefaults, [instance.value]);
  const nameOf = (id: string) => providers.data?.find((one) => one.id === id)?.display_name ?? id;
  return (
    <Page
      title="Models"
      lead="What calls can name, who serves it, what it costs and who uses it."
      actions={
        isAdministrator.value && (
          <>
            <Button onClick={() => setImporting(true)}>Import</Button>
            <LinkButton kind="primary" href="/models/new">
              New model
            </LinkButton>
          </>
        )
      }
    >
      <Filters providers={providers.data ?? []} />
      <Resource of={list} isEmpty={(rows) => rows.length === 0} empty={<NoModels />}>
        {(rows) => {
          const shown = rows.filter((row) => matches(row, query));
          if (shown.length === 0) {
            return (
              <div class="empty">
                <h2>No model is like that</h2>
                <LinkButton href="/models">Show all {rows.length}</LinkButton>
              </div>
            );
          }
          return (
            <ModelTable
              rows={shown}
              all={rows}
              use={use.data}
              useFault={use.error !== null}
              defaults={defaults.data}
              nameOf={nameOf}
            />
          );
        }}
      </Resource>
      {importing && <Import onClose={() => setImporting(false)} onDone={list.reload} />}
    </Page>
  );
}

function NoModels() {
  return (
    <>
      <h2>No model yet</h2>
      <p>A model says which vendor is called, how, and at what price.</p>
      <LinkButton kind="primary" href="/models/new">
        New model
      </LinkButton>
    </>
  );
}

interface ModelTableProps {
  all: readonly Row[];
  defaults: Map<string, string[]> | undefined;
  nameOf: (provider: string) => string;
  rows: readonly Row[];
  use: Map<string, Use> | undefined;
  useFault: boolean;
}

function ModelTable({ all, defaults, nameOf, rows, use, useFault }: ModelTableProps) {
  const named = fallbackOf(all);
  const providerOf = (row: Row) => (isReadable(row) ? nameOf(row.provider_id) : "Cannot be read");
  return (
    <Table
      caption="Models"
      group={providerOf}
      id={(row) => `${row.organization_id ?? ""}/${row.model_id}`}
      rows={rows}
      columns={[
        { cell: (row) => <Name row={row} />, head: "Model", sort: (row) => row.model_id },
        {
          cell: (row) =>
            isReadable(row) ? <Badge>{row.status}</Badge> : <Badge tone="bad">unreadable</Badge>,
          head: "Status",
          sort: (row) => (isReadable(row) ? row.status : "unreadable"),
        },
        {
          cell: (row) => isReadable(row) && <Abilities row={row} />,
          head: "Capabilities",
        },
        {
          cell: (row) => <Price row={row} />,
          head: "Price",
          sort: (row) => (isReadable(row) ? priceRank(row.pricing) : null),
        },
        {
          cell: (row) => (
            <UseWords
              use={use?.get(row.model_id)}
              isKnown={use !== undefined}
              failed={useFault}
              fallbackOf={namesOf(row).flatMap((name) => named.get(name) ?? [])}
              defaultFor={namesOf(row).flatMap((name) => defaults?.get(name) ?? [])}
            />
          ),
          head: "Used, 30 days",
          sort: (row) => use?.get(row.model_id)?.requests ?? (use ? 0 : null),
        },
      ]}
      foot={
        <span>
          {rows.length === all.length ? `${all.length} models` : `${rows.length} of ${all.length} models`}
        </span>
      }
    />
  );
}

/** The names by which others may mean a model. */
function namesOf(row: Row): string[] {
  return isReadable(row) ? [row.model_id, ...(row.aliases ?? [])] : [row.model_id];
}

function Name({ row }: { row: Row }) {
  return (
    <div class="model-name">
      <a href={modelHref(row)}>
        <code>{row.model_id}</code>
      </a>
      <div class="small quiet">
        {isReadable(row) ? row.display_name : row.error} {row.organization_id && <Tag>private</Tag>}
        {isReadable(row) && row.aliases?.map((alias) => <Tag key={alias}>{alias}</Tag>)}
      </div>
    </div>
  );
}

function Abilities({ row }: { row: Extract<Row, { protocol: unknown }> }) {
  const kinds = kindsOf(row.capabilities);
  const rest = Object.entries(row.capabilities).filter(
    ([name, able]) => able === true && !(kinds as string[]).includes(name),
  );
  const more = rest.map(([name]) => name.replaceAll("_", " "));
  return (
    <span class="row" title={more.join(", ")}>
      {kinds.map((kind) => (
        <Tag key={kind}>{kind}</Tag>
      ))}
      {more.length > 0 && (
        <span class="small quiet">
          +{more.length}
          <span class="only-heard">: {more.join(", ")}</span>
        </span>
      )}
    </span>
  );
}

function Price({ row }: { row: Row }) {
  const words = isReadable(row) ? priceWords(row.pricing) : null;
  if (words === null) return <span class="small quiet">no price</span>;
  return <span class="small nowrap">{words}</span>;
}
