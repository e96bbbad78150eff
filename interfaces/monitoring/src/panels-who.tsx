import { api, type Schema, take } from "@de/api";
import { Badge, count, duration, every, money, percent, Tag, useResource } from "@de/ui";
import type { ComponentChildren } from "preact";
import type { Address } from "./address.ts";
import { Only, Panel, type PanelColumn } from "./panel.tsx";
import type { Named, Snapshot } from "./snapshot.ts";

interface Props {
  address: Address;
  snapshot: Snapshot | undefined;
}

type Health = Schema<"ProviderHealth">;

/** Which share of calls each provider has, and how it does now. */
export function Providers({ address, instance, snapshot }: Props & { instance: string }) {
  const all = snapshot?.totals.requests ?? 0;
  const rows = snapshot?.providers.toSorted((a, b) => b.requests - a.requests || by(a, b));
  const health = useResource(
    async (signal) => {
      const params = { query: { instance_id: instance } };
      const { data } = await take(api.GET("/v1/provider-health", { params, signal }));
      return new Map(data.map((one) => [one.provider_id, one]));
    },
    [instance],
    address.live ? every : undefined,
  );
  const of = ({ name }: Named) => (name === null ? undefined : health.data?.get(name));
  const columns: PanelColumn<Named>[] = [
    {
      cell: (row) => named(address, "provider", row, "none reached"),
      head: "Provider",
      value: ({ name }) => name,
    },
    {
      cell: ({ requests }) => <Share of={all} value={requests} />,
      head: "Share",
      value: ({ requests }) => (all === 0 ? null : requests / all),
    },
    {
      cell: ({ requests }) => count(requests),
      head: "Calls",
      hidden: true,
      value: ({ requests }) => requests,
    },
    {
      cell: ({ errors, requests }) => percent(errors / requests),
      head: "Errors",
      isNumber: true,
      value: ({ errors, requests }) => errors / requests,
    },
    { head: "Spend, micro-dollars", hidden: true, value: ({ cost_micros }) => cost_micros },
    {
      cell: (row) => <Condition health={of(row)} />,
      head: "Last 15 min",
      value: (row) => of(row)?.status ?? null,
    },
    { head: "Tries in 15 min", hidden: true, value: (row) => of(row)?.attempts ?? null },
    { head: "Failed tries in 15 min", hidden: true, value: (row) => of(row)?.failures ?? null },
  ];
  return (
    <Panel
      address={address}
      columns={columns}
      empty="No calls in this time."
      name="providers"
      note={health.error && !health.data ? "health is not known" : undefined}
      rowId={({ name }) => name ?? ""}
      rows={rows}
      title="Providers"
    />
  );
}

/** How a vendor does, by the API's own look at the last 15 minutes. */
function Condition({ health }: { health: Health | undefined }) {
  if (!health) return <span class="quiet">–</span>;
  const { attempts, circuits, failures, last_error, p95_ms, status } = health;
  const told = [
    `${count(failures)} of ${count(attempts)} tries failed`,
    ...(p95_ms == null ? [] : [`p95 ${duration(p95_ms)}`]),
    ...(last_error ? [`last: ${last_error.error_code}`] : []),
  ].join(", ");
  return (
    <span class="row condition" title={told}>
      <Badge>{status}</Badge>
      {circuits && circuits.length > 0 && <Tag>{circuits.length} open</Tag>}
      <span class="only-heard">{told}</span>
    </span>
  );
}

/** Models by how long their calls take. */
export function Slowest({ address, snapshot }: Props) {
  const rows = snapshot?.models
    .filter(({ p95_ms }) => p95_ms != null)
    .toSorted((a, b) => (b.p95_ms ?? 0) - (a.p95_ms ?? 0) || by(a, b));
  const ms = (head: string, of: (row: Named) => number | null | undefined, hidden = false) => ({
    cell: (row: Named): ComponentChildren => {
      const value = of(row);
      return value == null ? "–" : duration(value);
    },
    head,
    hidden,
    isNumber: true,
    value: (row: Named) => of(row) ?? null,
  });
  const columns: PanelColumn<Named>[] = [
    { cell: (row) => named(address, "model", row, "none reached"), head: "Model", value: ({ name }) => name },
    ms("p50", (row) => row.p50_ms),
    ms("p95", (row) => row.p95_ms),
    ms("p99", (row) => row.p99_ms, true),
    ms("First byte", (row) => row.first_byte_p95_ms),
  ];
  return (
    <Panel
      address={address}
      columns={columns}
      empty="No calls in this time."
      name="slowest-models"
      note="by p95"
      rowId={({ name }) => name ?? ""}
      rows={rows}
      title="Slowest models"
    />
  );
}

/** Models by the share of their calls that failed. */
export function Failing({ address, snapshot }: Props) {
  const share = ({ errors, requests }: Named) => errors / requests;
  const rows = snapshot?.models
    .filter(({ errors }) => errors > 0)
    .toSorted((a, b) => share(b) - share(a) || b.errors - a.errors || by(a, b));
  const columns: PanelColumn<Named>[] = [
    { cell: (row) => named(address, "model", row, "none reached"), head: "Model", value: ({ name }) => name },
    { cell: ({ errors }) => count(errors), head: "Errors", isNumber: true, value: ({ errors }) => errors },
    {
      cell: ({ requests }) => count(requests),
      head: "Calls",
      isNumber: true,
      value: ({ requests }) => requests,
    },
    { cell: (row) => percent(share(row)), head: "Rate", isNumber: true, value: share },
    {
      cell: ({ cost_micros }) => money(cost_micros),
      head: "Spend",
      hidden: true,
      value: (row) => row.cost_micros,
    },
  ];
  return (
    <Panel
      address={address}
      columns={columns}
      empty={snapshot?.totals.requests === 0 ? "No calls in this time." : "No model failed in this time."}
      name="failing-models"
      note="by error rate"
      rowId={({ name }) => name ?? ""}
      rows={rows}
      title="Failing models"
    />
  );
}

function named(address: Address, filter: "model" | "provider", { name }: Named, none: string) {
  if (name === null) return <span class="quiet">{none}</span>;
  return <Only address={address} filter={filter} name={name} value={name} />;
}

function by(a: Named, b: Named): number {
  return String(a.name).localeCompare(String(b.name));
}

/** A share as a bar and in words. */
export function Share({ of, tone, value }: { of: number; tone?: "bad" | "warn" | undefined; value: number }) {
  const share = of === 0 ? 0 : value / of;
  return (
    <span class="share">
      <span class="bar" data-tone={tone}>
        <span style={{ width: `${Math.min(1, share) * 100}%` }} />
      </span>
      <span>{percent(share)}</span>
    </span>
  );
}
