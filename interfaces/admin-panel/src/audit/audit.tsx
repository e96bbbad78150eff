import "./audit.css";
import { api, isAdministrator, isOperator, take } from "@de/api";
import {
  FilterSelect,
  FilterText,
  Note,
  Page,
  Pager,
  Resource,
  setQuery,
  Table,
  Time,
  useQuery,
  useResource,
} from "@de/ui";
import { ChangeShown } from "./change.tsx";
import { membersOf } from "./diff.ts";
import { Target, Who } from "./words.tsx";

const NAMED = 4;

/** The kinds of rows that changes are told of, as actions begin with them. */
const KINDS = [
  "api-key",
  "bootstrap",
  "budget",
  "budgets",
  "grant",
  "instance",
  "limits",
  "model-config",
  "organization",
  "project",
  "provider",
  "provider-key",
  "session",
  "user",
  "webhook",
] as const;

/** Who changed what, and what it was before. */
export default function Audit() {
  return (
    <Page
      title="Audit"
      lead="Each change of the configuration: who made it, and what was before and after. Secrets are in none."
    >
      {isAdministrator.value ? (
        <Changes />
      ) : (
        <Note>Changes are seen by administrators of the organization: ask one for what you look for.</Note>
      )}
    </Page>
  );
}

function Changes() {
  const [query, change] = useQuery();
  const { action, actor_id, cursor, open, organization_id, request_id, target_id } = query;
  const asked = {
    ...(action && { action }),
    ...(actor_id && { actor_id }),
    ...(cursor && { cursor }),
    ...(request_id && { request_id }),
    ...(organization_id && { organization_id }),
    ...(target_id && { target_id }),
    limit: 50,
  };
  const list = useResource(
    (signal) => take(api.GET("/v1/audit-events", { params: { query: asked as object }, signal })),
    [JSON.stringify(asked)],
  );
  const names = useResource(async (signal) => {
    const { data } = await take(api.GET("/v1/users", { params: { query: { limit: 200 } }, signal }));
    return new Map(data.map(({ email, id }) => [id, email]));
  }, []);
  const organizations = useResource(
    async (signal) =>
      (await take(api.GET("/v1/organizations", { params: { query: { limit: 200 } }, signal }))).data,
    [],
  );
  const isNarrow = Boolean(action || actor_id || request_id || target_id);
  const nameOf = (id: string) => names.data?.get(id);
  const listed = list.data?.data.find(({ id }) => id === open);
  // The list moves on: what is open is then asked for by itself.
  const elsewhere = open !== undefined && list.data !== undefined && !listed ? open : null;
  const found = useResource(
    async (signal) =>
      elsewhere === null
        ? undefined
        : take(api.GET("/v1/audit-events/{id}", { params: { path: { id: elsewhere } }, signal })),
    [elsewhere],
  );
  const shown = listed ?? found.data;
  return (
    <>
      <search class="filters" aria-label="Filters">
        {isOperator.value && (
          <FilterSelect
            label="Organization"
            name="organization_id"
            options={organizations.data?.map(({ id, name }) => [id, name] as const) ?? []}
          />
        )}
        <FilterSelect label="What" name="action" options={KINDS} />
        <FilterText label="Of what" name="target_id" type="search" placeholder="proj_…, gpt-4o-mini" />
        <FilterSelect label="Who" name="actor_id" options={[...(names.data ?? [])]} />
        <FilterText label="Request id" name="request_id" type="search" placeholder="X-Request-ID" />
      </search>
      <Resource
        of={list}
        isEmpty={({ data }) => data.length === 0}
        empty={
          <>
            <h2>{isNarrow ? "Nothing like that was changed" : "Nothing was changed yet"}</h2>
            <p>An id is matched whole: of a row, as it stands on its page.</p>
          </>
        }
      >
        {({ data, next_cursor }) => (
          <Table
            caption="Changes"
            id={({ id }) => id}
            rows={data}
            columns={[
              { cell: (row) => <Time at={row.created_at} />, head: "Time" },
              {
                cell: (row) => (
                  <a class="nowrap" href={setQuery("/audit", query, { open: row.id })}>
                    {row.action}
                  </a>
                ),
                head: "What",
              },
              { cell: (row) => <Target change={row} />, head: "Of what" },
              { cell: (row) => <Who actor={row.actor} nameOf={nameOf} />, head: "Who" },
              { cell: (row) => <Changed of={row} />, head: "Members" },
            ]}
            foot={<Pager next={next_cursor} shown={data.length} />}
          />
        )}
      </Resource>
      {shown && <ChangeShown nameOf={nameOf} of={shown} onClose={() => change({ open: null })} />}
    </>
  );
}

/** The first members that differ, by name. */
function Changed({ of }: { of: { after?: unknown; before?: unknown } }) {
  if (!of.before) return <span class="quiet">new</span>;
  if (!of.after) return <span class="quiet">gone</span>;
  const paths = membersOf(of.before, of.after)
    .changed.map(({ path }) => path)
    .filter((path) => path !== "updated_at");
  const more = paths.length - NAMED;
  return (
    <span class="small quiet">
      {paths.slice(0, NAMED).join(", ")}
      {more > 0 && ` and ${more} more`}
    </span>
  );
}
