import { count, percent, type Span, spanText } from "@de/ui";
import type { Series } from "@de/ui/chart";
import type { Address } from "./address.ts";
import { OverTime } from "./over-time.tsx";
import type { Ending, Snapshot } from "./snapshot.ts";
import { isError } from "./sums.ts";

interface Props {
  address: Address;
  snapshot: Snapshot | undefined;
}

/** How calls end, in the order in which they are drawn. */
const ENDS = [
  ["ok", 1],
  ["cancelled", 5],
  ["cut", 4],
  ["failed", 3],
] as const;

/** Calls over time, by how they ended. */
export function Requests({ address, snapshot }: Props) {
  const endings = snapshot?.endings ?? [];
  const series = ENDS.flatMap(([status, look]): Series[] => {
    const values = counted(snapshot, (ending) => ending.status === status);
    const total = endings.filter((one) => one.status === status).reduce((sum, one) => sum + one.requests, 0);
    // Those that did not happen need no place; but for the good ones, so that there is always something to see.
    if (total === 0 && status !== "ok") return [];
    return [{ choose: chooser(address, "status", status), look, name: status, total: count(total), values }];
  });
  const all = snapshot?.sums.map((sums) => sums?.requests ?? null) ?? [];
  return (
    <OverTime
      address={address}
      empty="No calls in this time."
      exact={count}
      format={count}
      gist={`${count(snapshot?.totals.requests ?? 0)} in all${peak(snapshot, all, count)}`}
      kind="bars"
      name="requests"
      series={series}
      snapshot={snapshot}
      title="Requests"
      unit=""
      whole
    />
  );
}

const OTHERS = "other codes";
const CODES = 4;

/** The share of calls that failed, by the code of the failure. */
export function Errors({ address, snapshot }: Props) {
  const failed = snapshot?.endings.filter(({ status }) => isError(status)) ?? [];
  const byCode = [...Map.groupBy(failed, ({ code }) => code)]
    .map(([code, all]) => ({ code, requests: all.reduce((sum, one) => sum + one.requests, 0) }))
    .toSorted((a, b) => b.requests - a.requests || String(a.code).localeCompare(String(b.code)));
  const shown = byCode.slice(0, CODES);
  const rest = new Set(byCode.slice(CODES).map(({ code }) => code));
  const share = (is: (ending: Ending) => boolean) =>
    counted(snapshot, (ending) => isError(ending.status) && is(ending)).map((value, at) => {
      const all = snapshot?.sums[at]?.requests ?? 0;
      // Of no calls there is no share.
      return value === null || all === 0 ? null : value / all;
    });
  const looks = [3, 4, 2, 6];
  const series: Series[] = shown.map(({ code, requests }, at) => ({
    choose: code === null ? undefined : chooser(address, "error", code),
    look: looks[at] ?? 5,
    name: code ?? "no code",
    total: count(requests),
    values: share((ending) => ending.code === code),
  }));
  if (rest.size > 0) {
    const requests = byCode.slice(CODES).reduce((sum, one) => sum + one.requests, 0);
    series.push({
      look: 5,
      name: OTHERS,
      total: count(requests),
      values: share(({ code }) => rest.has(code)),
    });
  }
  const { errors = 0, requests = 0 } = snapshot?.totals ?? {};
  const common = shown[0] ? `, most often ${shown[0].code ?? "without a code"}` : "";
  return (
    <OverTime
      address={address}
      empty={requests === 0 ? "No calls in this time." : "No errors in this time."}
      exact={percent}
      format={percent}
      gist={`${count(errors)} of ${count(requests)} calls failed${common}`}
      kind="bars"
      name="errors"
      series={series}
      snapshot={snapshot}
      title="Error rate"
      unit=", share of calls"
    />
  );
}

/** Calls of each span that are such. */
function counted(snapshot: Snapshot | undefined, is: (ending: Ending) => boolean): (number | null)[] {
  const values = snapshot?.sums.map((sums) => (sums === null ? null : 0) as number | null) ?? [];
  for (const ending of snapshot?.endings ?? []) {
    const before = values[ending.span];
    if (before != null && is(ending)) values[ending.span] = before + ending.requests;
  }
  return values;
}

/** Shows nothing but what has this value; everything again if it does already. */
export function chooser(
  address: Address,
  filter: "error" | "provider" | "status",
  value: string,
): () => void {
  return () => address.change({ [filter]: address.filters[filter] === value ? null : value });
}

/** When there was most, for who cannot see the chart. */
export function peak(
  snapshot: Snapshot | undefined,
  values: readonly (number | null)[],
  told: (value: number) => string,
): string {
  const most = Math.max(0, ...values.map((value) => value ?? 0));
  const at: Span | undefined = most > 0 ? snapshot?.spans[values.indexOf(most)] : undefined;
  return at ? `, at most ${told(most)}, ${spanText(at, snapshot?.source === "days")}` : "";
}
