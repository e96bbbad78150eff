import type { Schema } from "@de/api";
import { Badge, duration } from "@de/ui";

type Call = Schema<"Request">;

interface Lane {
  /** From the arrival of the call, in milliseconds. */
  from: number;
  kind: "failed" | "part" | "whole";
  ms: number;
  name: string;
  note?: string;
}

/** When in a call what happened, as far as it is in the books. */
export function Waterfall({ call }: { call: Call }) {
  const whole = Math.max(call.latency_ms, 1);
  return (
    <>
      <ol class="waterfall" aria-label="Timings">
        {lanesOf(call).map(({ from, kind, ms, name, note }, index) => (
          <li key={index}>
            <span class="name">
              {name} {note && <Badge tone={kind === "failed" ? "bad" : "plain"}>{note}</Badge>}
            </span>
            <svg class="lane" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
              <rect
                data-kind={kind}
                x={(from / whole) * 1000}
                width={Math.max((ms / whole) * 1000, 4)}
                height="10"
              />
            </svg>
            <span class="number nowrap">{duration(ms)}</span>
          </li>
        ))}
      </ol>
      {call.attempts.some(({ started_ms }) => started_ms == null) && (
        <p class="quiet small">
          When a try of this call began is not in its receipt, only how long it took: tries are drawn one
          after another, to the end of the call.
        </p>
      )}
    </>
  );
}

function lanesOf(call: Call): Lane[] {
  const lanes: Lane[] = [{ from: 0, kind: "whole", ms: call.latency_ms, name: "The whole call" }];
  if (call.first_byte_ms !== null) {
    lanes.push({ from: 0, kind: "whole", ms: call.first_byte_ms, name: "To the first byte" });
  }
  if (call.upstream_ms !== null && call.attempts.length > 0) {
    const ms = Math.min(call.upstream_ms, call.latency_ms);
    lanes.push({ from: call.latency_ms - ms, kind: "part", ms, name: "Waiting for vendors" });
  }
  const tried = call.attempts.reduce((sum, { duration_ms }) => sum + duration_ms, 0);
  // Receipts of before it was noted do not say when a try began.
  let next = Math.max(call.latency_ms - tried, 0);
  for (const [index, attempt] of call.attempts.entries()) {
    const from = attempt.started_ms ?? next;
    lanes.push({
      from,
      kind: attempt.error_code ? "failed" : "part",
      ms: attempt.duration_ms,
      name: `Try ${index + 1}: ${attempt.model_id}`,
      note: attempt.error_code ?? String(attempt.status ?? ""),
    });
    next = from + attempt.duration_ms;
  }
  return lanes;
}
