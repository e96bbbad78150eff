import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { Button } from "./button.tsx";
import { Icon } from "./icons.tsx";
import { query, setQuery, useQuery } from "./query.ts";

export interface Column<Row> {
  cell: (row: Row) => ComponentChildren;
  head: string;
  isNumber?: boolean;
  /** What it is sorted by; a column without it cannot be sorted by. */
  sort?: (row: Row) => number | string | null;
}

interface TableProps<Row> {
  /** What the table is of, for who hears it. */
  caption: string;
  columns: readonly Column<Row>[];
  foot?: ComponentChildren;
  /** What rows stand together by, each with a line of its own above them; while they are not sorted by a column. */
  group?: (row: Row) => string;
  id: (row: Row) => string;
  rows: readonly Row[];
}

/**
 * Rows and columns. Sorted in the page, by `?sort=` and `?order=`: only what is there whole should have columns to
 * sort by, lists in pages keep the API's order.
 */
export function Table<Row>({ caption, columns, foot, group, id, rows }: TableProps<Row>) {
  const [asked, change] = useQuery();
  const by = columns.find(({ head, sort }) => sort && head === asked.sort);
  const falling = asked.order === "desc";
  const sorted = by?.sort ? sortBy(rows, by.sort, falling) : rows;
  return (
    <div class="table-frame">
      <section class="table-scroll" aria-label={caption} tabIndex={0}>
        <table class="table">
          <caption class="only-heard">{caption}</caption>
          <thead>
            <tr>
              {columns.map(({ head, isNumber, sort }) => {
                const order = by?.head !== head ? "none" : falling ? "descending" : "ascending";
                const next = { order: order === "ascending" ? "desc" : null, sort: head };
                return (
                  <th
                    key={head}
                    scope="col"
                    class={isNumber ? "number" : undefined}
                    aria-sort={sort ? order : undefined}
                  >
                    {sort ? (
                      <button type="button" onClick={() => change(next)}>
                        {head}
                        <span aria-hidden="true">{order === "none" ? "" : falling ? "↓" : "↑"}</span>
                      </button>
                    ) : (
                      head
                    )}
                  </th>
                );
              })}
            </tr>
          </thead>
          {grouped(sorted, by ? undefined : group).map(([name, members]) => (
            <tbody key={name}>
              {name !== "" && (
                <tr class="table-group">
                  <th scope="rowgroup" colSpan={columns.length}>
                    {name} <span class="quiet">{members.length}</span>
                  </th>
                </tr>
              )}
              {members.map((row) => (
                <tr key={id(row)}>
                  {columns.map(({ cell, head, isNumber }) => (
                    <td key={head} class={isNumber ? "number" : undefined}>
                      {cell(row)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          ))}
        </table>
      </section>
      {foot && <div class="table-foot">{foot}</div>}
    </div>
  );
}

/** Rows by what they stand together by, in the order of its names; all of them as one without it. */
function grouped<Row>(rows: readonly Row[], group?: (row: Row) => string): [string, readonly Row[]][] {
  if (!group) return [["", rows]];
  const groups = Map.groupBy(rows, group);
  return [...groups].toSorted(([left], [right]) => left.localeCompare(right, "en"));
}

function sortBy<Row>(
  rows: readonly Row[],
  by: (row: Row) => number | string | null,
  falling: boolean,
): Row[] {
  const sign = falling ? -1 : 1;
  return rows.toSorted((left, right) => {
    const [a, b] = [by(left), by(right)];
    // What has no value comes last, whichever way.
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * String(a).localeCompare(String(b), "en", { numeric: true });
  });
}

/** Whether the list that comes next is one that somebody has turned to. */
let isTurned = false;

/** The way through a list that comes in pages. The place is in the address, and "back" is the browser's own way too. */
export function Pager({ next, shown }: { next: string | null | undefined; shown: number }) {
  const { route } = useLocation();
  const text = useRef<HTMLSpanElement>(null);
  const { cursor } = query();
  // The button is gone while the next page loads: the keyboard goes on at the list.
  useEffect(() => {
    if (!isTurned) return;
    isTurned = false;
    text.current?.closest(".table-frame")?.querySelector<HTMLElement>(".table-scroll")?.focus();
  }, []);
  const turn = (to: string | null) => {
    isTurned = true;
    route(setQuery(location.pathname, query(), { cursor: to }));
  };
  return (
    <>
      <span ref={text}>
        {shown} {shown === 1 ? "row" : "rows"}
        {cursor ? ", not from the beginning" : ""}
      </span>
      <span class="row">
        <Button size="small" disabled={!cursor} onClick={() => turn(null)}>
          <Icon name="previous" /> First
        </Button>
        <Button size="small" disabled={!next} onClick={() => turn(next ?? null)}>
          Next <Icon name="next" />
        </Button>
      </span>
    </>
  );
}
