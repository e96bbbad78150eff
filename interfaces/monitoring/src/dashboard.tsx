import type { Schema } from "@de/api";
import { Button, every, Fault, Note, Page, type Span, spanText, useResource } from "@de/ui";
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { type Address, parametersOf } from "./address.ts";
import { Narrowing, Ranges } from "./bar.tsx";
import { CallLog } from "./call-log.ts";
import { Figures } from "./figures.tsx";
import { Live } from "./live.tsx";
import { LimitUse } from "./panel-limits.tsx";
import { Errors, Requests } from "./panels-calls.tsx";
import { Spend, Times, Tokens } from "./panels-use.tsx";
import { Failing, Providers, Slowest } from "./panels-who.tsx";
import { type Snapshot, snapshotOfCalls, snapshotOfUsage } from "./snapshot.ts";
import { summedUp, windowOf } from "./window.ts";

interface DashboardProps {
  address: Address;
  instance: string;
  /** The same, as the API tells it; absent until it does. */
  mine: Schema<"Instance"> | undefined;
  projects: readonly Schema<"Project">[];
  /** What there is to say before all else. */
  told: ComponentChildren;
}

/** All that is watched of one instance, on one page. */
export function Dashboard({ address, instance, mine, projects, told }: DashboardProps) {
  const { from, range, to } = address.query;
  const parameters = { ...parametersOf(address.filters), instance_id: instance };
  const asked = [JSON.stringify(parameters), from, range, to];
  const log = useMemo(() => new CallLog(parameters), asked);
  const found = useResource(
    async (signal) => {
      const window = windowOf({ from, range, to }, Date.now());
      if (window.source !== "calls") return snapshotOfUsage(window, parameters, signal);
      if (!log.isTooLong) {
        const calls = await log.read(window, signal);
        if (!log.isTooLong) return snapshotOfCalls(window, calls);
      }
      return snapshotOfUsage(summedUp(window), parameters, signal);
    },
    asked,
    address.live ? every : undefined,
  );
  const window = windowOf({ from, range, to }, Date.now());
  const snapshot = found.data;
  const shown = { address, snapshot };
  return (
    <Page title="Monitoring" actions={<Live address={address} at={found.at} />}>
      {told}
      <div class="controls">
        <Narrowing address={address} instance={instance} projects={projects} window={window} />
        <Ranges address={address} window={window} />
      </div>
      {found.error ? <Fault error={found.error} retry={() => void found.reload()} /> : null}
      <Told address={address} log={log} snapshot={snapshot} window={window} />
      <Figures snapshot={snapshot} />
      <div class="panels">
        <Requests {...shown} />
        <Errors {...shown} />
        <Spend {...shown} />
        <Times {...shown} of="whole" />
        <Times {...shown} of="first" />
        <Tokens {...shown} />
        <Providers {...shown} instance={instance} />
        <Slowest {...shown} />
        <Failing {...shown} />
        <LimitUse address={address} instance={instance} mine={mine} projects={projects} />
      </div>
    </Page>
  );
}

const SOURCES = {
  calls: "Each call from the log; percentiles are exact.",
  days: "Sums of days in UTC; percentiles are right within a factor of √2.",
  hours: "Sums of whole hours; percentiles are right within a factor of √2.",
  minutes: "Sums of minutes; percentiles are right within a factor of √2.",
} as const;

/** Of which time the numbers are, where they come from, and what is not in them. */
function Told(props: { address: Address; log: CallLog; snapshot: Snapshot | undefined; window: Span }) {
  const { address, log, snapshot, window } = props;
  if (!snapshot) {
    const read = log.progress.value;
    return (
      <p class="quiet told" role="status">
        {read > 0 ? `Reading the log: ${read} calls so far` : `Asking for ${spanText(window, false)}`}
      </p>
    );
  }
  const { end, source, start } = snapshot;
  return (
    <>
      <p class="quiet told">
        <When at={start} /> to <When at={end} />. {SOURCES[source]}
      </p>
      {snapshot.totals.requests === 0 && <Nothing address={address} />}
    </>
  );
}

function Nothing({ address }: { address: Address }) {
  const names = Object.keys(address.filters);
  const none = Object.fromEntries(names.map((name) => [name, null]));
  return (
    <Note>
      <p>
        No calls in this time{names.length > 0 ? " that all filters hold for" : ""}. A call shows here a
        second or two after its end.
      </p>
      <p class="row">
        {names.length > 0 && (
          <Button size="small" onClick={() => address.change(none)}>
            Without filters
          </Button>
        )}
        <Button size="small" onClick={() => address.change({ from: null, range: "30d", to: null })}>
          Look at 30 days
        </Button>
      </p>
    </Note>
  );
}

const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

function When({ at }: { at: number }) {
  const date = new Date(at);
  return (
    <time class="nowrap" dateTime={date.toISOString()}>
      {moment.format(date)}
    </time>
  );
}
