import "./requests.css";
import { Button, CopyButton, Crumbs, Page, Resource, Table, useResource } from "@de/ui";
import { useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { CallShown } from "./call.tsx";
import { COLUMNS } from "./columns.tsx";
import { type Found, find } from "./find.ts";

const LOOK_EVERY = 3_000;

/** What became of one request, by its receipt's id or by the id that its answer had. */
export default function Request() {
  const id = useRoute().params.id ?? "";
  // A receipt reaches the books some seconds after its call: until it is there it is looked for again.
  const [isMissing, setMissing] = useState(false);
  const found = useResource(
    async (signal) => {
      const what = await find(id, signal);
      setMissing(what.calls.length === 0 && what.change === null);
      return what;
    },
    [id],
    isMissing ? LOOK_EVERY : undefined,
  );
  return (
    <Page
      title="Request"
      crumbs={<Crumbs of={[["/requests", "Requests"]]} />}
      lead={
        <>
          <code class="wrap">{id}</code> <CopyButton label="Copy the id" text={id} />
        </>
      }
    >
      <Resource of={found}>{(what) => <What id={id} of={what} again={found.reload} />}</Resource>
    </Page>
  );
}

function What({ again, id, of }: { again: () => Promise<void>; id: string; of: Found }) {
  const [call] = of.calls;
  if (of.change) {
    return (
      <div class="card">
        <h2>This request changed the configuration</h2>
        <p>
          It made <code>{of.change.action}</code> of <code>{of.change.target_id}</code>, and called no model:
          so it has no receipt.{" "}
          <a href={`/audit?request_id=${encodeURIComponent(id)}&open=${of.change.id}`}>Before and after</a>
        </p>
      </div>
    );
  }
  if (!call) return <Missing again={again} id={id} isReceipt={of.isReceipt} />;
  if (of.calls.length === 1) return <CallShown call={call} />;
  return (
    <>
      <p>Several calls came with this id: callers choose it, and may repeat it.</p>
      <Table caption="Calls with this id" id={({ id }) => id} rows={of.calls} columns={COLUMNS} />
    </>
  );
}

function Missing({ again, id, isReceipt }: { again: () => Promise<void>; id: string; isReceipt: boolean }) {
  return (
    <div class="card">
      <h2>No call with this id is in the books</h2>
      <p>This page goes on looking for it. That it is not there may have these reasons:</p>
      <ul class="bullets">
        <li>The call runs still, or ended a moment ago: a receipt comes some seconds after the end.</li>
        <li>The key or session was refused (401), so that nobody knows whose call it would be.</li>
        {!isReceipt && (
          <li>
            It read or changed the configuration and called no model. Of changes that you may see, under{" "}
            <a href="/audit">Audit</a>, none has this id. What was only read, or refused, is in the workers'
            log alone.
          </li>
        )}
        <li>It was answered from what is kept for its Idempotency-Key: the first call has the receipt.</li>
        <li>Its receipt is older than the instance keeps receipts.</li>
        <li>It belongs to an organization or project that you may not see.</li>
      </ul>
      <p>
        In the workers' log each request is one line, found by its id: <code class="wrap">{id}</code>
      </p>
      <div class="row">
        <Button onClick={again}>Look again</Button>
        <a href={isReceipt ? "/requests" : `/requests?live=1`}>{isReceipt ? "All requests" : "Live tail"}</a>
      </div>
    </div>
  );
}
