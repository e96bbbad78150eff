import { isAdministrator, type Schema } from "@de/api";
import { AdminLink, count, every, Fault, money, Tag, Time, useResource } from "@de/ui";
import type { Address } from "./address.ts";
import { shareOf, type Use, usesOf } from "./limits.ts";
import { Only, Panel, type PanelColumn } from "./panel.tsx";
import { Share } from "./panels-who.tsx";

/** How much of each limit and budget is used now, whatever time is looked at. */
export function LimitUse(props: {
  address: Address;
  instance: string;
  mine: Schema<"Instance"> | undefined;
  projects: readonly Schema<"Project">[];
}) {
  const { address, instance, mine, projects } = props;
  const organization = isAdministrator.value ? mine?.organization_id : undefined;
  const found = useResource(
    (signal) => usesOf(instance, organization, signal),
    [instance, organization],
    address.live ? every : undefined,
  );
  const nameOf = ({ scope, scopeId }: Use) => {
    if (scope === "instance") return mine?.name ?? scopeId;
    return (scope === "project" && projects.find(({ id }) => id === scopeId)?.name) || scopeId;
  };
  const amount = (use: Use, value: number) => (use.isMoney ? money(value) : count(value));
  const columns: PanelColumn<Use>[] = [
    {
      cell: (use) => <Scope address={address} name={nameOf(use)} use={use} />,
      head: "Scope",
      value: ({ scope }) => scope,
    },
    { head: "Id", hidden: true, value: ({ scopeId }) => scopeId },
    {
      cell: ({ kind, shadow }) => (
        <span>
          {kind.replaceAll("_", " ")} {shadow && <Tag>on trial</Tag>}
        </span>
      ),
      head: "Limit",
      value: ({ kind }) => kind,
    },
    {
      cell: (use) =>
        use.used === null ? (
          <span class="quiet" title={use.notice ?? undefined}>
            not known
          </span>
        ) : (
          <Share of={1} tone={toneOf(use)} value={shareOf(use)} />
        ),
      head: "Used",
      value: (use) => (use.used === null ? null : shareOf(use)),
    },
    {
      cell: (use) => (
        <span class="nowrap">
          {use.used === null ? "–" : amount(use, use.used)} of {amount(use, use.limit)}
        </span>
      ),
      head: "Amount",
      isNumber: true,
      value: ({ used }) => used,
    },
    { head: "Of", hidden: true, value: ({ limit }) => limit },
    { cell: (use) => amount(use, use.held), head: "Held", isNumber: true, value: ({ held }) => held },
    {
      cell: ({ resetsAt }) => <Time at={resetsAt} />,
      head: "All there again",
      value: ({ resetsAt }) => resetsAt,
    },
    { head: "On trial", hidden: true, value: ({ shadow }) => (shadow ? "yes" : "no") },
  ];
  return (
    <div class="wide">
      {found.error && !found.data ? <Fault error={found.error} retry={() => void found.reload()} /> : null}
      <Panel
        address={address}
        columns={columns}
        empty={
          <>
            No limits and no budgets are set for this instance.{" "}
            <AdminLink path={`/limits?instance_id=${instance}`}>They are set in the admin panel</AdminLink>.
          </>
        }
        name="limits"
        note={found.data?.isCut ? "the first thousand scopes" : "now"}
        rowId={({ kind, scope, scopeId }) => `${scope} ${scopeId} ${kind}`}
        rows={found.data?.uses}
        title="Limits and budgets"
      />
    </div>
  );
}

function Scope({ address, name, use }: { address: Address; name: string; use: Use }) {
  const { scope, scopeId } = use;
  const isFilter = scope === "project" || scope === "key" || scope === "model" || scope === "provider";
  return (
    <span class="scope">
      <span class="quiet">{scope}</span>{" "}
      {isFilter ? <Only address={address} filter={scope} name={name} value={scopeId} /> : name}
    </span>
  );
}

function toneOf(use: Use): "bad" | "warn" | undefined {
  const share = shareOf(use);
  return share >= 1 ? "bad" : share >= 0.8 ? "warn" : undefined;
}
