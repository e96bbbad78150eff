import { Button } from "@de/ui";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { Address } from "./address.ts";
import { type CsvColumn, csv, download } from "./csv.ts";

/** A column of a panel's table, and of its CSV. */
export interface PanelColumn<Row> extends CsvColumn<Row> {
  /** What is shown; the value as it is where it is left out. */
  cell?: (row: Row) => ComponentChildren;
  /** Only in the CSV. */
  hidden?: boolean;
  isNumber?: boolean;
  /** What it is called where values have their unit beside them. */
  title?: string;
}

interface PanelProps<Row> {
  address: Address;
  /** The chart; without it the table is all that there is. */
  chart?: ComponentChildren;
  columns: readonly PanelColumn<Row>[];
  /** Said where there are no rows. */
  empty: ComponentChildren;
  /** What it is known by in the address, and its file's name. */
  name: string;
  /** Something to know beside the title. */
  note?: ComponentChildren;
  rowId: (row: Row) => string;
  /** Nothing as long as it is not known. */
  rows: readonly Row[] | undefined;
  title: string;
}

/** One thing that is watched: as a chart or as a table, and as a file. */
export function Panel<Row>(props: PanelProps<Row>) {
  const { address, chart, columns, empty, name, note, rowId, rows, title } = props;
  const id = useId();
  const isTable = chart === undefined || address.tables.includes(name);
  const toggle = () => {
    const others = address.tables.filter((one) => one !== name);
    address.show({ table: (isTable ? others : [...others, name]).join(",") });
  };
  return (
    <section class="card panel" aria-labelledby={id} data-panel={name}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
        {note && <span class="quiet small">{note}</span>}
        <span class="panel-actions">
          {chart !== undefined && (
            <Button
              size="small"
              kind="plain"
              aria-pressed={isTable}
              aria-label={`${title} as a table`}
              onClick={toggle}
            >
              Table
            </Button>
          )}
          <Button
            size="small"
            kind="plain"
            aria-label={`${title} as CSV`}
            disabled={!rows || rows.length === 0}
            onClick={() => download(`${name}.csv`, csv(columns, rows ?? []))}
          >
            CSV
          </Button>
        </span>
      </header>
      {rows === undefined ? (
        <div class="bone panel-bone" />
      ) : rows.length === 0 ? (
        <p class="quiet panel-empty">{empty}</p>
      ) : isTable ? (
        <PanelTable
          caption={title}
          columns={columns}
          rowId={rowId}
          rows={chart === undefined ? rows : rows.toReversed()}
        />
      ) : (
        chart
      )}
    </section>
  );
}

function PanelTable<Row>(props: {
  caption: string;
  columns: readonly PanelColumn<Row>[];
  rowId: (row: Row) => string;
  rows: readonly Row[];
}) {
  const { caption, columns, rowId, rows } = props;
  const shown = columns.filter(({ hidden }) => !hidden);
  return (
    <section class="panel-scroll" aria-label={`${caption}, table`} tabIndex={0}>
      <table class="table">
        <caption class="only-heard">{caption}</caption>
        <thead>
          <tr>
            {shown.map(({ head, isNumber, title }) => (
              <th key={head} scope="col" class={isNumber ? "number" : undefined}>
                {title ?? head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowId(row)}>
              {shown.map(({ cell, head, isNumber, value }) => (
                <td key={head} class={isNumber ? "number" : undefined}>
                  {cell ? cell(row) : (value(row) ?? "–")}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** The name of a row that shows nothing but itself when it is pressed, or everything again. */
export function Only(props: {
  address: Address;
  filter: "key" | "model" | "project" | "provider";
  name: string;
  value: string;
}) {
  const { address, filter, name, value } = props;
  const isOn = address.filters[filter] === value;
  return (
    <button
      type="button"
      class="only"
      aria-pressed={isOn}
      title={isOn ? `${name}: show all again` : `Only ${name}`}
      onClick={() => address.change({ [filter]: isOn ? null : value })}
    >
      {name}
    </button>
  );
}
