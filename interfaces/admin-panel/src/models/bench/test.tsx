import { api, instance, type Schema, take } from "@de/api";
import { Badge, Button, Code, count, duration, Fault, money, Note } from "@de/ui";
import { useEffect, useRef, useState } from "preact/hooks";
import { isConfig, written } from "../draft.ts";
import { Request } from "./preview.tsx";

export type Tested = Schema<"Tested">;

interface TestProps {
  /** Why nothing can be tried. */
  blocked: string | null;
  input: Record<string, unknown> | null;
  /** Saves what is not saved, and says by which id it is called then. */
  save: () => Promise<string>;
  /** What pressing the button comes to, beside the call. */
  saves: "as-disabled" | "changes" | "nothing";
}

const ACTIONS = {
  "as-disabled": "Save as disabled and test",
  changes: "Save and test",
  nothing: "Test",
} as const;
const SAID = {
  "as-disabled":
    "The API tests what is saved. Disabled, nobody else can call it; make it active when it answers.",
  changes: "The API tests what is saved, so your changes become a version first.",
  nothing: "One real call with the instance's key: it counts, costs what it costs and leaves a receipt.",
} as const;

/** One real call of the vendor, with everything that is to be seen of it. */
export function Test({ blocked, input, save, saves }: TestProps) {
  const [state, setState] = useState<{ at: number } | Tested | { fault: unknown } | null>(null);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const isRunning = state !== null && "at" in state;
  const run = async () => {
    if (!input || isRunning) return;
    const control = new AbortController();
    running.current = control;
    setState({ at: Date.now() });
    try {
      const id = await save();
      const body = { input, ...(instance.value !== null && { instance_id: instance.value }) };
      const params = { path: { id } };
      setState(await take(api.POST("/v1/model-configs/{id}/test", { body, params, signal: control.signal })));
    } catch (fault) {
      setState(control.signal.aborted ? null : { fault });
    }
  };
  const why = instance.value === null ? "Choose an instance first: its key is used." : blocked;
  return (
    <div class="form">
      <p class="small quiet">{why ?? SAID[saves]}</p>
      <div class="row">
        <Button kind="primary" disabled={why !== null || !input || isRunning} onClick={() => void run()}>
          {ACTIONS[saves]}
        </Button>
        {isRunning && <Button onClick={() => running.current?.abort()}>Stop waiting</Button>}
        {isRunning && <Waiting since={state.at} />}
      </div>
      <div role="status" aria-label="Test result" class="form">
        {state !== null && "fault" in state && <Fault error={state.fault} />}
        {state !== null && "ok" in state && <Result tested={state} />}
      </div>
    </div>
  );
}

/** How long a call has taken so far. */
function Waiting({ since }: { since: number }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 200);
    return () => clearInterval(timer);
  }, []);
  return (
    <span class="row waiting">
      <progress aria-label="Waiting for the vendor" />
      <span class="small quiet">{duration(Math.max(0, now - since))}</span>
    </span>
  );
}

function Result({ tested }: { tested: Tested }) {
  const { attempts, cost_micros, duration_ms, error, ok, output, receipt_id, reply, request, version } =
    tested;
  return (
    <>
      <div class="row">
        <Badge tone={ok ? "good" : "bad"}>{ok ? "answered" : "failed"}</Badge>
        <span>version {version}</span>
        <span>{duration(duration_ms)}</span>
        <span>{cost_micros === null ? "no price" : money(cost_micros)}</span>
        {receipt_id && <a href={`/requests/${encodeURIComponent(receipt_id)}`}>Receipt</a>}
      </div>
      {error && <Failure error={error} />}
      {isConfig(output) && <Output output={output} />}
      {reply && (
        <>
          <p class="small quiet">
            The vendor: {reply.status}, {reply.content_type ?? "no type"}, {count(reply.size_bytes)} bytes
          </p>
          {reply.body !== null && reply.body !== undefined && (
            <Code label="Reply" text={typeof reply.body === "string" ? reply.body : written(reply.body)} />
          )}
        </>
      )}
      {attempts.length > 1 && <Attempts attempts={attempts} />}
      {request && (
        <details>
          <summary>What was sent</summary>
          <Request request={request} label="Sent request" />
        </details>
      )}
    </>
  );
}

function Failure({ error }: { error: Schema<"Fault"> }) {
  const words = error.details.provider_message;
  return (
    <Note tone="bad">
      <p>
        {error.error} <code>{error.error_code}</code>
      </p>
      {typeof words === "string" && <p>The vendor: “{words}”</p>}
    </Note>
  );
}

function Output({ output }: { output: Record<string, unknown> }) {
  const { text, ...rest } = output;
  return (
    <>
      {typeof rest.job_id === "string" && (
        <p class="small quiet">
          The vendor took the order as this job. A test does not wait until it is done.
        </p>
      )}
      {typeof text === "string" && <blockquote class="answer">{text}</blockquote>}
      {Object.keys(rest).length > 0 && <Code label="Output" text={written(rest)} />}
    </>
  );
}

function Attempts({ attempts }: { attempts: Schema<"Attempt">[] }) {
  return (
    <ol class="attempts small">
      {attempts.map((one, at) => (
        <li key={at}>
          Attempt {at + 1}: {one.status ?? "no answer"}, {duration(one.duration_ms)}{" "}
          {one.error_code && <code>{one.error_code}</code>}
        </li>
      ))}
    </ol>
  );
}
