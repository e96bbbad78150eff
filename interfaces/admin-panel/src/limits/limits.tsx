import "./limits.css";
import { api, instance, isAdministrator, isOperator, take } from "@de/api";
import {
  Button,
  every,
  FilterSelect,
  FilterText,
  Note,
  Page,
  Resource,
  Table,
  Tag,
  useInstances,
  useQuery,
  useResource,
} from "@de/ui";
import { Choose } from "./choose.tsx";
import { Editor } from "./editor.tsx";
import { editing, namesOf, type Place, type Row, rowsOf, SCOPES, type Scope, useGranted } from "./scopes.ts";
import { TimeZone } from "./time-zone.tsx";
import { BudgetUses, LimitUses } from "./use.tsx";

/** Who may use how much, and how much of it is used now. */
export default function LimitsAndBudgets() {
  const [query, change] = useQuery();
  const instances = useInstances();
  const organizations = useResource(
    async (signal) =>
      (await take(api.GET("/v1/organizations", { params: { query: { limit: 200 } }, signal }))).data,
    [],
  );
  const granted = useGranted();
  const maySet = isAdministrator.value || (granted.data?.size ?? 0) > 0;
  const acting = instances.data?.find(({ id }) => id === instance.value);
  const organization =
    query.organization_id ??
    instances.data?.find(({ id }) => id === query.instance_id)?.organization_id ??
    acting?.organization_id ??
    organizations.data?.[0]?.id;
  return (
    <Page
      title="Limits and budgets"
      lead="How many calls and tokens, how many at once, and how much money: of whom, and what of it is used now."
      actions={
        maySet && (
          <Button kind="primary" onClick={() => change({ edit: "new" })}>
            Set limits
          </Button>
        )
      }
    >
      <search class="filters" aria-label="Filters">
        {isOperator.value && (
          <FilterSelect
            label="Organization"
            name="organization_id"
            all="Of the instance"
            options={organizations.data?.map(({ id, name }) => [id, name] as const) ?? []}
          />
        )}
        <FilterSelect
          label="Instance"
          name="instance_id"
          options={
            instances.data
              ?.filter(({ organization_id }) => !organization || organization_id === organization)
              .map(({ id, name }) => [id, name] as const) ?? []
          }
        />
        <FilterSelect label="Scope" name="scope" options={SCOPES} />
        <FilterText label="Id" name="scope_id" type="search" placeholder="proj_…" />
      </search>
      {instances.data && organizations.data && organization && (
        <>
          <TimeZone organization={organizations.data.find(({ id }) => id === organization)} />
          <Scopes
            granted={granted.data}
            maySet={maySet}
            organization={organization}
            nameOf={(id) => nameIn(instances.data ?? [], organizations.data ?? [], id)}
          />
        </>
      )}
      {query.edit === "new" && maySet && <Choose organization={organization} />}
    </Page>
  );
}

interface ScopesProps {
  /** Instances that one may change by a grant. */
  granted: ReadonlySet<string> | undefined;
  maySet: boolean;
  nameOf: (id: string) => string;
  organization: string;
}

function Scopes({ granted, maySet, nameOf, organization }: ScopesProps) {
  const [query, change] = useQuery();
  const { instance_id, scope, scope_id } = query;
  const asked = {
    ...(instance_id ? { instance_id } : { organization_id: organization }),
    ...(scope && { scope }),
    ...(scope_id && { scope_id }),
  };
  const list = useResource((signal) => rowsOf(asked, signal), [JSON.stringify(asked)], every);
  const named = (list.data?.rows ?? []).filter(({ place }) => ["key", "project"].includes(place.scope));
  const names = useResource((signal) => namesOf(named, signal), [named.map(({ place }) => place.id).join()]);
  const told = (id: string) => names.data?.get(id) ?? nameOf(id);
  const edited = placeOf(query);
  const mayChange = ({ id, instance, scope }: Place) => {
    const where = scope === "instance" ? id : instance;
    return isAdministrator.value || (where !== null && granted?.has(where) === true);
  };
  return (
    <>
      <Resource
        of={list}
        isEmpty={({ rows }) => rows.length === 0}
        empty={
          <>
            <h2>{scope || scope_id ? "No scope is like that" : "Nothing is limited here"}</h2>
            <p>What has no limit is unlimited. Models keep to the limits of their own config.</p>
            {maySet && <Button onClick={() => change({ edit: "new" })}>Set limits</Button>}
          </>
        }
      >
        {({ isCut, rows }) => (
          <div class="scope-rows">
            {isCut && <Note tone="warn">There are more than can be shown at once: narrow the scope.</Note>}
            <Table
              caption="Limits and budgets"
              id={({ place }) => `${place.scope}/${place.id}/${place.instance}`}
              rows={rows}
              columns={[
                { cell: (row) => <Name place={row.place} nameOf={told} />, head: "Scope" },
                {
                  cell: ({ limits }) =>
                    limits ? <LimitUses of={limits} /> : <span class="quiet">no limit</span>,
                  head: "Limits",
                },
                {
                  cell: ({ budgets }) =>
                    budgets && budgets.budgets.length > 0 ? (
                      <BudgetUses of={budgets} />
                    ) : (
                      <span class="quiet">no budget</span>
                    ),
                  head: "Budgets",
                },
                {
                  cell: ({ place }: Row) => (
                    <Button
                      size="small"
                      aria-label={`${mayChange(place) ? "Edit" : "Look at"} ${place.scope} ${place.id}`}
                      onClick={() => change(editing(place))}
                    >
                      {mayChange(place) ? "Edit" : "Look"}
                    </Button>
                  ),
                  head: "Actions",
                },
              ]}
            />
          </div>
        )}
      </Resource>
      {edited && (
        <Editor
          mayChange={mayChange(edited) || (edited.scope !== "organization" && edited.instance === null)}
          name={told(edited.id)}
          place={edited}
          onChange={list.reload}
          onClose={() => change({ edit: null, edit_id: null, edit_instance: null, tab: null })}
        />
      )}
    </>
  );
}

function Name({ nameOf, place }: { nameOf: (id: string) => string; place: Place }) {
  const name = nameOf(place.id);
  return (
    <div>
      <Tag>{place.scope}</Tag>{" "}
      <a class="wrap" href={hrefOf(place)}>
        {name}
      </a>
      {name !== place.id && (
        <div>
          <code class="quiet wrap">{place.id}</code>
        </div>
      )}
      {place.instance && place.scope !== "instance" && (
        <div class="quiet small">in {nameOf(place.instance)}</div>
      )}
    </div>
  );
}

const ROOMS: Record<Scope, string> = {
  instance: "instances",
  key: "api-keys",
  model: "models",
  organization: "organizations",
  project: "projects",
  provider: "providers",
};

function hrefOf({ id, scope }: Place): string {
  return `/${ROOMS[scope]}/${encodeURIComponent(id)}`;
}

function placeOf({ edit, edit_id, edit_instance }: Record<string, string>): Place | null {
  const scope = SCOPES.find((one) => one === edit);
  return scope && edit_id ? { id: edit_id, instance: edit_instance ?? null, scope } : null;
}

function nameIn(
  instances: readonly { id: string; name: string }[],
  organizations: readonly { id: string; name: string }[],
  id: string,
): string {
  return [...instances, ...organizations].find((one) => one.id === id)?.name ?? id;
}
