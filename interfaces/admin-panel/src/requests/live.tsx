import { Badge, Button, Fault, Table, useQuery } from "@de/ui";
import { COLUMNS } from "./columns.tsx";
import { SHARED } from "./filters.tsx";
import { type Tail, useTail } from "./tail.ts";

const WORDS: Record<Tail["state"], readonly [string, "bad" | "good" | "warn"]> = {
  connecting: ["connecting", "warn"],
  live: ["live", "good"],
  waiting: ["reconnecting", "warn"],
};

/** Calls as they end, without asking again. */
export function Live() {
  const [query] = useQuery();
  const search = new URLSearchParams(
    SHARED.flatMap((name) => (query[name] ? [[name, query[name]] as [string, string]] : [])),
  ).toString();
  const tail = useTail(search);
  const [word, tone] = WORDS[tail.state];
  return (
    <>
      <div class="row" role="status" aria-label="Live tail">
        <Badge tone={tail.isPaused ? "plain" : tone}>{tail.isPaused ? "paused" : word}</Badge>
        <Button size="small" onClick={() => tail.pause(!tail.isPaused)}>
          {tail.isPaused ? "Go on" : "Pause"}
        </Button>
        {tail.held > 0 && (
          <span class="quiet">
            {tail.held} {tail.held === 1 ? "call" : "calls"} meanwhile
          </span>
        )}
      </div>
      {tail.state === "waiting" && tail.error !== null && <Fault error={tail.error} />}
      {tail.rows.length === 0 ? (
        <div class="empty">
          <h2>No call is like that yet</h2>
          <p>Calls come here some seconds after they ended, as long as this page is open.</p>
        </div>
      ) : (
        <Table
          caption="Requests as they end"
          id={(call) => call.id}
          rows={tail.rows}
          columns={COLUMNS}
          foot={<span>The last {tail.rows.length}; at most 200 are kept in view.</span>}
        />
      )}
    </>
  );
}
