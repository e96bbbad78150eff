import "./webhooks.css";
import { api, take } from "@de/api";
import {
  Badge,
  Button,
  Code,
  Dialog,
  duration,
  every,
  FilterSelect,
  Pager,
  Resource,
  setQuery,
  Table,
  Time,
  toast,
  useQuery,
  useResource,
} from "@de/ui";
import type { Delivery, Webhook } from "./words.tsx";

/** What a webhook was told, and what it will be. */
export function Deliveries({ mayChange, webhook }: { mayChange: boolean; webhook: Webhook }) {
  const [query, change] = useQuery();
  const { cursor, delivery, state } = query;
  const { id } = webhook;
  const list = useResource(
    (signal) => {
      const asked = { limit: 50, ...(state && { state }), ...(cursor && { cursor }) };
      const params = { path: { id }, query: asked as object };
      return take(api.GET("/v1/webhooks/{id}/deliveries", { params, signal }));
    },
    [id, state, cursor],
    every,
  );
  const shown = list.data?.data.find((one) => one.id === delivery);
  const again = async (one: Delivery) => {
    const told = await take(
      api.POST("/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver", {
        params: { path: { delivery_id: one.id, id } },
      }),
    );
    await list.reload();
    if (told.state === "delivered") toast.done("The message arrived");
    else toast.failed(new Error(`It did not arrive: ${told.last_error ?? "no reason is known"}`));
  };
  return (
    <div class="form">
      <div class="card-head">
        <h2>Deliveries</h2>
        <search class="filters">
          <FilterSelect label="State" name="state" options={["delivered", "failed", "pending"]} />
        </search>
      </div>
      <Resource
        of={list}
        isEmpty={({ data }) => data.length === 0}
        empty={
          <>
            <h3>{state ? `No delivery is ${state}` : "Nothing was told yet"}</h3>
            <p>Deliveries are kept for 30 days.</p>
          </>
        }
      >
        {({ data, next_cursor }) => (
          <Table
            caption="Deliveries"
            id={(one) => one.id}
            rows={data}
            columns={[
              {
                cell: (one) => (
                  <a href={setQuery(`/webhooks/${id}`, query, { delivery: one.id })}>{one.event_type}</a>
                ),
                head: "Event",
              },
              { cell: (one) => <Badge>{one.state}</Badge>, head: "State" },
              {
                cell: (one) => one.last_status ?? <span class="quiet">–</span>,
                head: "Status",
                isNumber: true,
              },
              {
                cell: (one) => <div class="small why">{one.last_error ?? ""}</div>,
                head: "Why not",
              },
              { cell: (one) => one.attempt_count, head: "Tries", isNumber: true },
              { cell: (one) => <Time at={one.created_at} />, head: "Made" },
              { cell: (one) => <Time at={one.next_attempt_at} />, head: "Next try" },
              {
                cell: (one) =>
                  mayChange && (
                    <Button
                      size="small"
                      disabled={webhook.status === "disabled"}
                      aria-label={`Redeliver ${one.event_type}`}
                      onClick={() => again(one)}
                    >
                      Redeliver
                    </Button>
                  ),
                head: "Actions",
              },
            ]}
            foot={<Pager next={next_cursor} shown={data.length} />}
          />
        )}
      </Resource>
      {shown && <DeliveryShown of={shown} onClose={() => change({ delivery: null })} />}
    </div>
  );
}

function DeliveryShown({ of, onClose }: { of: Delivery; onClose: () => void }) {
  return (
    <Dialog size="large" title={`Delivery of ${of.event_type}`} onClose={onClose}>
      <dl class="facts">
        <dt>State</dt>
        <dd>
          <Badge>{of.state}</Badge>
        </dd>
        <dt>Message</dt>
        <dd>
          <code>{of.id}</code>
        </dd>
        <dt>Delivered</dt>
        <dd>
          <Time at={of.delivered_at} />
        </dd>
      </dl>
      <Table
        caption="Tries"
        id={({ number }) => String(number)}
        rows={of.attempts}
        columns={[
          { cell: ({ number }) => number, head: "Try", isNumber: true },
          { cell: ({ at }) => <Time at={at} />, head: "When" },
          { cell: ({ status }) => status ?? <span class="quiet">no answer</span>, head: "Status" },
          { cell: ({ duration_ms }) => duration(duration_ms), head: "Took", isNumber: true },
          { cell: ({ error }) => <span class="wrap">{error ?? ""}</span>, head: "Why not" },
        ]}
      />
      <Code label="Body" text={JSON.stringify(of.payload, null, 2)} />
      <div class="form-end">
        <Button onClick={onClose}>Close</Button>
      </div>
    </Dialog>
  );
}
