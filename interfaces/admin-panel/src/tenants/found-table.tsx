import { type Column, type Loaded, Pager, Resource, Table, useQuery } from "@de/ui";
import type { ComponentChildren } from "preact";
import { CutNote, isNarrowed, NothingLeft } from "./filters.tsx";
import type { Found } from "./list.ts";

interface FoundTableProps<Row> {
  caption: string;
  columns: readonly Column<Row>[];
  /** Shown where nothing narrows the list, and there is nothing. */
  empty: ComponentChildren;
  list: Loaded<Found<Row>>;
  /** Whether a row is looked for, by what the API has no filter for. */
  matches: (row: Row) => boolean;
}

/** The rows of a list that are looked for. */
export function FoundTable<Row extends { id: string }>(props: FoundTableProps<Row>) {
  const { caption, columns, empty, list, matches } = props;
  const [query] = useQuery();
  return (
    <Resource of={list}>
      {({ isCut, next, rows }) => {
        const shown = rows.filter(matches);
        if (shown.length === 0) {
          return <div class="empty">{isNarrowed(query) ? <NothingLeft /> : empty}</div>;
        }
        return (
          <>
            <CutNote isCut={isCut} />
            <Table
              caption={caption}
              id={({ id }) => id}
              rows={shown}
              columns={columns}
              foot={<Pager next={next} shown={shown.length} />}
            />
          </>
        );
      }}
    </Resource>
  );
}
