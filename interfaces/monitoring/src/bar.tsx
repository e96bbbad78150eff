import { api, type Schema, take } from "@de/api";
import { Button, FilterSelect, Icon, later, type Span, spanText, useResource } from "@de/ui";
import { useState } from "preact/hooks";
import { type Address, FILTERS, type FilterName } from "./address.ts";
import { RANGES, USUAL, type Window } from "./window.ts";

const OwnRange = later(async () => ({ default: (await import("./own-range.tsx")).OwnRange }));

/** Of which time numbers are: one that ends now, or one's own. */
export function Ranges({ address, window }: { address: Address; window: Window }) {
  const [isAsking, setAsking] = useState(false);
  const { query } = address;
  const chosen = window.fixed ? null : (RANGES.find(([name]) => name === query.range)?.[0] ?? USUAL);
  return (
    <>
      <fieldset class="ranges">
        <legend class="only-heard">Time range</legend>
        {RANGES.map(([name, words]) => (
          <Button
            key={name}
            size="small"
            aria-pressed={name === chosen}
            onClick={() => address.change({ from: null, range: name === USUAL ? null : name, to: null })}
          >
            {words}
          </Button>
        ))}
        <Button
          size="small"
          aria-pressed={window.fixed}
          aria-haspopup="dialog"
          onClick={() => setAsking(true)}
        >
          Own…
        </Button>
      </fieldset>
      {isAsking && (
        <OwnRange address={address} end={window.end} start={window.start} onClose={() => setAsking(false)} />
      )}
    </>
  );
}

/** What calls are narrowed by: the usual choices, and everything that a click has chosen. */
export function Narrowing(props: {
  address: Address;
  instance: string;
  projects: readonly Schema<"Project">[];
  window: Window;
}) {
  const { address, instance, projects, window } = props;
  const models = useModels(instance, window);
  return (
    <div class="filters">
      <FilterSelect
        label="Project"
        name="project"
        all="All projects"
        options={projects.map(({ id, name }) => [id, name] as const)}
      />
      <FilterSelect label="Model" name="model" all="All models" options={models} />
      <Chips address={address} projects={projects} window={window} />
    </div>
  );
}

/** The models that were called in the last 30 days: others have nothing to show. */
function useModels(instance: string, { start }: Window): string[] {
  const day = Math.floor(start / 86_400_000);
  const { data } = useResource(
    async (signal) => {
      const from = new Date(Math.min(start, Date.now() - 30 * 86_400_000)).toISOString();
      const query = { from, group_by: "model", instance_id: instance };
      const report = await take(api.GET("/v1/usage", { params: { query }, signal }));
      return (report as Schema<"UsageReport">).data.flatMap(({ model_id }) =>
        model_id == null ? [] : [model_id],
      );
    },
    [instance, day],
  );
  return data?.toSorted() ?? [];
}

/** What narrows, each to be taken away. */
function Chips(props: { address: Address; projects: readonly Schema<"Project">[]; window: Window }) {
  const { address, projects, window } = props;
  const { change, filters, query } = address;
  const nameOf = (filter: FilterName, value: string) =>
    (filter === "project" && projects.find(({ id }) => id === value)?.name) || value;
  const chips = FILTERS.flatMap((filter) => {
    const value = filters[filter];
    return value === undefined
      ? []
      : [{ gone: { [filter]: null }, value: nameOf(filter, value), what: filter as string }];
  });
  if (window.fixed) {
    const span: Span = { end: Date.parse(query.to ?? ""), start: Date.parse(query.from ?? "") };
    chips.push({ gone: { from: null, to: null }, value: spanText(span, false), what: "time" });
  }
  if (chips.length === 0) return null;
  return (
    <ul class="chips" aria-label="Filters">
      {chips.map(({ gone, value, what }) => (
        <li key={what} class="chip">
          <span>
            <span class="quiet">{what}</span> {value}
          </span>
          <button type="button" aria-label={`Take away ${what} ${value}`} onClick={() => change(gone)}>
            <Icon name="close" />
          </button>
        </li>
      ))}
      {chips.length > 1 && (
        <li>
          <Button
            kind="plain"
            size="small"
            onClick={() => change(Object.fromEntries(chips.flatMap(({ gone }) => Object.entries(gone))))}
          >
            Take all away
          </Button>
        </li>
      )}
    </ul>
  );
}
