import { api, isOperator, take } from "@de/api";
import {
  Badge,
  Button,
  FilterSelect,
  Page,
  Pager,
  Resource,
  Table,
  Tag,
  Time,
  useInstances,
  useQuery,
  useResource,
} from "@de/ui";
import { NewWebhook } from "./form.tsx";
import { useMayChange } from "./may.ts";
import { hearsOf } from "./words.tsx";

/** Addresses that are told of events. */
export default function Webhooks() {
  const [query, change] = useQuery();
  const instances = useInstances();
  const mayChange = useMayChange();
  const organizations = useResource(
    async (signal) =>
      (await take(api.GET("/v1/organizations", { params: { query: { limit: 200 } }, signal }))).data,
    [],
  );
  const { cursor, instance_id, organization_id, status } = query;
  const asked = {
    ...(instance_id && { instance_id }),
    ...(organization_id && { organization_id }),
    ...(status && { status }),
    ...(cursor && { cursor }),
    limit: 50,
  };
  const list = useResource(
    (signal) => take(api.GET("/v1/webhooks", { params: { query: asked as object }, signal })),
    [JSON.stringify(asked)],
  );
  const nameOf = (id: string) =>
    [...(instances.data ?? []), ...(organizations.data ?? [])].find((one) => one.id === id)?.name ?? id;
  const make = () => change({ new: "1" });
  const isNarrow = Boolean(instance_id || organization_id || status);
  return (
    <Page
      title="Webhooks"
      lead="Addresses that are told of events, by signed messages that are tried again until they arrive."
      actions={
        mayChange.somewhere && (
          <Button kind="primary" onClick={make}>
            New webhook
          </Button>
        )
      }
    >
      <search class="filters" aria-label="Filters">
        {isOperator.value && (
          <FilterSelect
            label="Organization"
            name="organization_id"
            options={organizations.data?.map(({ id, name }) => [id, name] as const) ?? []}
          />
        )}
        <FilterSelect
          label="Instance"
          name="instance_id"
          options={instances.data?.map(({ id, name }) => [id, name] as const) ?? []}
        />
        <FilterSelect label="Status" name="status" options={["active", "disabled"]} />
      </search>
      <Resource
        of={list}
        isEmpty={({ data }) => data.length === 0}
        empty={
          isNarrow ? (
            <h2>No webhook is like that</h2>
          ) : (
            <>
              <h2>No webhook yet</h2>
              {mayChange.somewhere ? (
                <>
                  <p>Make one to be told when jobs end or budgets are nearly spent, instead of asking.</p>
                  <Button onClick={make}>New webhook</Button>
                </>
              ) : (
                <p>
                  Webhooks are seen by who has a grant of at least user on their instance, and changed by its
                  administrators.
                </p>
              )}
            </>
          )
        }
      >
        {({ data, next_cursor }) => (
          <Table
            caption="Webhooks"
            id={({ id }) => id}
            rows={data}
            columns={[
              {
                cell: (row) => (
                  <div>
                    <a class="wrap" href={`/webhooks/${row.id}`}>
                      {row.url}
                    </a>
                    {row.description && <div class="quiet small">{row.description}</div>}
                  </div>
                ),
                head: "Address",
              },
              { cell: (row) => <Badge>{row.status}</Badge>, head: "Status" },
              {
                cell: (row) => (
                  <span class="row">
                    {row.events.map((event) => (
                      <Tag key={event}>{event}</Tag>
                    ))}
                  </span>
                ),
                head: "Events",
              },
              { cell: (row) => hearsOf(row, nameOf), head: "Hears of" },
              { cell: (row) => <Time at={row.updated_at} />, head: "Changed" },
            ]}
            foot={<Pager next={next_cursor} shown={data.length} />}
          />
        )}
      </Resource>
      {query.new && mayChange.somewhere && (
        <NewWebhook onClose={() => change({ new: null })} onMade={list.reload} />
      )}
    </Page>
  );
}
