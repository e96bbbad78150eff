import "./requests.css";
import { Button, LinkButton, Page, Pager, Resource, setQuery, Table, useQuery, useResource } from "@de/ui";
import { callsOf } from "./books.ts";
import { COLUMNS } from "./columns.tsx";
import { saveCsv } from "./csv.ts";
import { Filters, SHARED } from "./filters.tsx";
import { Live } from "./live.tsx";
import { spanOf } from "./range.ts";

/** The log of calls: searched, or heard as they end. */
export default function Requests() {
  const [query] = useQuery();
  const isLive = query.live === "1";
  return (
    <Page
      title="Requests"
      lead="Each call that its key let in, however it ended. No prompt and no reply is kept here."
      actions={
        isLive ? (
          <LinkButton href={setQuery("/requests", query, { live: null })}>Stop listening</LinkButton>
        ) : (
          <LinkButton kind="primary" href={setQuery("/requests", query, { cursor: null, live: "1" })}>
            Live tail
          </LinkButton>
        )
      }
    >
      <Filters isLive={isLive} />
      {isLive ? <Live /> : <Log />}
    </Page>
  );
}

function Log() {
  const [query, change] = useQuery();
  const shared: Record<string, string> = {};
  for (const name of SHARED) if (query[name]) shared[name] = query[name];
  const { cursor, request_id } = query;
  const asked = { ...shared, ...spanOf(query), ...(request_id && { request_id }) };
  const list = useResource(
    (signal) => callsOf({ ...asked, limit: 50, ...(cursor && { cursor }) }, signal),
    [JSON.stringify([shared, query.range, query.from, query.to, request_id, cursor])],
  );
  const isNarrow = Object.keys(asked).length > 0;
  return (
    <Resource
      of={list}
      isEmpty={({ data }) => data.length === 0}
      empty={
        isNarrow ? (
          <>
            <h2>No call is like that</h2>
            <p>A receipt comes some seconds after its call ended. Take a filter away, or look again.</p>
            <Button onClick={list.reload}>Look again</Button>
          </>
        ) : (
          <>
            <h2>No call yet</h2>
            <p>
              Calls are here some seconds after they ended. <a href="/setup">Send the first one</a>
            </p>
          </>
        )
      }
    >
      {({ data, next_cursor }) => (
        <Table
          caption="Requests"
          id={(call) => call.id}
          rows={data}
          columns={COLUMNS}
          foot={
            <>
              <Pager next={next_cursor} shown={data.length} />
              <span class="row">
                <Button size="small" onClick={() => list.reload()}>
                  Refresh
                </Button>
                <Button size="small" onClick={() => saveCsv(asked)}>
                  CSV
                </Button>
                <Button
                  kind="plain"
                  size="small"
                  onClick={() =>
                    change({ cursor: null, status: query.status === "failed" ? null : "failed" })
                  }
                >
                  {query.status === "failed" ? "All endings" : "Failed only"}
                </Button>
              </span>
            </>
          }
        />
      )}
    </Resource>
  );
}
