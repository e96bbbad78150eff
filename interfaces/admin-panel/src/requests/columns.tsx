import type { Schema } from "@de/api";
import { Badge, type Column, count, duration, Tag, Time } from "@de/ui";
import { Cost } from "./cost.tsx";
import { tokensOf } from "./tokens.ts";

type Call = Schema<"Request">;

/** How a call ended: in a word, and in the code that the caller got. */
export function Ending({ call }: { call: Pick<Call, "error_code" | "http_status" | "status"> }) {
  return (
    <span class="nowrap">
      <Badge tone={call.status === "ok" ? "good" : call.status === "failed" ? "bad" : "warn"}>
        {call.status}
      </Badge>{" "}
      <span class="quiet small" data-usual={call.status === "ok"}>
        {call.error_code ?? call.http_status}
      </span>
    </span>
  );
}

/** One row of the log: enough to see at a glance what is odd. */
export const COLUMNS: readonly Column<Call>[] = [
  {
    cell: (call) => (
      <a href={`/requests/${call.id}`}>
        <Time at={call.admitted_at} />
      </a>
    ),
    head: "Time",
  },
  { cell: (call) => <Ending call={call} />, head: "Status" },
  {
    cell: (call) => (
      <span class="nowrap">
        {call.model_id ?? <span class="quiet">{call.requested_model_id ?? "no model"}</span>}
        {call.provider_id && <span class="quiet small"> {call.provider_id}</span>}
      </span>
    ),
    head: "Model",
  },
  {
    cell: (call) => (
      <span class="nowrap">
        <code>{call.operation}</code> {call.streamed && <Tag>stream</Tag>} {call.cached && <Tag>cached</Tag>}{" "}
        {call.calls > 1 && <Tag>{count(call.calls)} calls</Tag>}
      </span>
    ),
    head: "Operation",
  },
  {
    cell: (call) => {
      const { made, read } = tokensOf(call.usage);
      if (read + made === 0) return <span class="quiet">–</span>;
      return (
        <span class="nowrap" title={call.estimated ? "The vendor named no counts: ours" : undefined}>
          {call.estimated && "≈ "}
          {count(read)} → {count(made)}
        </span>
      );
    },
    head: "Tokens",
    isNumber: true,
  },
  { cell: (call) => <Cost micros={call.cost_micros} />, head: "Cost", isNumber: true },
  {
    cell: (call) => <span class={call.attempts.length > 1 ? "" : "quiet"}>{call.attempts.length}</span>,
    head: "Tries",
    isNumber: true,
  },
  {
    cell: (call) =>
      call.first_byte_ms === null ? (
        <span class="quiet">–</span>
      ) : (
        <span class="nowrap">{duration(call.first_byte_ms)}</span>
      ),
    head: "First byte",
    isNumber: true,
  },
  { cell: (call) => <span class="nowrap">{duration(call.latency_ms)}</span>, head: "Took", isNumber: true },
];
