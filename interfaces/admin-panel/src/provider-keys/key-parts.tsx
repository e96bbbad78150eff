import { api, type Schema, take } from "@de/api";
import { Badge, Button, duration, Note, Time } from "@de/ui";
import { useState } from "preact/hooks";

export type KeyRow = Schema<"ProviderKey">;

/** What is known of a key: never the key. */
export function KeyFacts({ row }: { row: KeyRow }) {
  return (
    <dl class="facts">
      <dt>Ends in</dt>
      <dd>
        <LastFour row={row} />
      </dd>
      <dt>Saved</dt>
      <dd>
        <Time at={row.updated_at} />
      </dd>
      <dt>Last used</dt>
      <dd>
        <Time at={row.last_used_at} />
      </dd>
      <dt>Last test</dt>
      <dd>
        <LastTest row={row} />
      </dd>
    </dl>
  );
}

export function LastFour({ row }: { row: KeyRow }) {
  return (
    <span class="row">
      <code>{row.last_four === null ? "too short to tell" : `…${row.last_four}`}</code>
      {!row.usable && <Badge tone="bad">not usable</Badge>}
      {!row.usable && <span class="small">Its provider has moved: save the key again.</span>}
    </span>
  );
}

export function LastTest({ row }: { row: KeyRow }) {
  const test = row.last_test;
  if (!test) return <span class="quiet">never</span>;
  return (
    <span class="row">
      <Badge tone={test.ok ? "good" : "bad"}>{test.ok ? "taken" : "refused"}</Badge>
      <Time at={test.at} />
      {test.message && <span class="small wrap">“{test.message}”</span>}
    </span>
  );
}

interface KeyTestProps {
  /** Whether the provider names a call that tries a key. */
  canTest: boolean;
  onTested: () => Promise<void>;
  row: KeyRow;
}

/** Tries a key by one cheap real call, and tells what the vendor said. */
export function KeyTest({ canTest, onTested, row }: KeyTestProps) {
  const [tested, setTested] = useState<Schema<"KeyTested"> | null>(null);
  const test = async () => {
    setTested(null);
    const path = { instance_id: row.instance_id, provider_id: row.provider_id };
    setTested(
      await take(api.POST("/v1/provider-keys/{instance_id}/{provider_id}/test", { params: { path } })),
    );
    await onTested();
  };
  return (
    <div class="form">
      <div class="row">
        <Button disabled={!canTest || !row.usable} onClick={test}>
          Test the key
        </Button>
        {!canTest && <span class="small quiet">The provider names no call that tries a key.</span>}
      </div>
      <div role="status" aria-label="Key test">
        {tested && <Outcome tested={tested} />}
      </div>
    </div>
  );
}

/** What the vendor said to a key. */
export function Outcome({ tested }: { tested: Schema<"KeyTested"> }) {
  return (
    <Note tone={tested.ok ? "good" : "bad"}>
      <p>
        {tested.ok ? "The vendor takes the key" : "The vendor does not take the key"}, after{" "}
        {duration(tested.duration_ms)}
        {tested.status !== null && tested.status !== undefined && ` (${tested.status})`}.
      </p>
      {tested.message && <p>“{tested.message}”</p>}
    </Note>
  );
}
