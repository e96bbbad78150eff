import { type Span, spanText } from "@de/ui";
import type { Series } from "@de/ui/chart";
import type { Address } from "./address.ts";
import { ChartLater } from "./chart-later.tsx";
import { Panel, type PanelColumn } from "./panel.tsx";
import type { Snapshot } from "./snapshot.ts";

interface OverTimeProps {
  address: Address;
  empty: string;
  exact: (value: number) => string;
  format: (value: number) => string;
  /** What there is to see, in a sentence, after what it is and of which time. */
  gist: string;
  kind: "bars" | "lines";
  name: string;
  note?: string | undefined;
  /** Of the table and of the CSV: the unit that values have there. */
  unit: string;
  series: readonly Series[];
  snapshot: Snapshot | undefined;
  title: string;
  whole?: boolean;
}

/** A panel of something over time. A click narrows everything to that time. */
export function OverTime(props: OverTimeProps) {
  const { address, empty, exact, format, gist, kind, name, note, series, snapshot, title, unit } = props;
  const utc = snapshot?.source === "days";
  const spans = snapshot?.spans ?? [];
  const rows = spans.map((span, at) => ({ at, span }));
  const hasAny = series.some(({ values }) => values.some((value) => value !== null && value !== 0));
  const columns: PanelColumn<{ at: number; span: Span }>[] = [
    {
      cell: ({ span }) => (
        <button
          type="button"
          class="only only-time"
          title="Only this time"
          onClick={() => narrow(address, span)}
        >
          {spanText(span, utc)}
        </button>
      ),
      head: "From",
      title: "Time",
      value: ({ span }) => new Date(span.start).toISOString(),
    },
    { head: "To", hidden: true, value: ({ span }) => new Date(span.end).toISOString() },
    ...series.map(({ name, values }) => ({
      cell: ({ at }: { at: number }) => (values[at] == null ? "–" : exact(values[at])),
      head: `${name}${unit}`,
      isNumber: true,
      title: name,
      value: ({ at }: { at: number }) => values[at] ?? null,
    })),
  ];
  const time = snapshot ? spanText(snapshot, false) : "";
  return (
    <Panel
      address={address}
      columns={columns}
      empty={empty}
      name={name}
      note={note}
      rowId={({ span }) => String(span.start)}
      rows={snapshot ? (hasAny ? rows : []) : undefined}
      title={title}
      chart={
        <ChartLater
          exact={exact}
          format={format}
          gist={`${title}, ${time}: ${gist}`}
          kind={kind}
          name={title}
          onSpan={spans.length > 1 ? (span) => narrow(address, span) : undefined}
          series={series}
          spans={spans}
          utc={utc}
          whole={props.whole ?? false}
        />
      }
    />
  );
}

/** Looks at one stretch of time alone. */
function narrow(address: Address, { end, start }: Span): void {
  address.change({ from: new Date(start).toISOString(), to: new Date(end).toISOString() });
}
