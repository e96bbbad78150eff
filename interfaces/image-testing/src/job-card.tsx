import { ApiError } from "@de/api";
import { Badge, Button, count, duration, Fault, money, Note, useQuery } from "@de/ui";
import { useEffect, useState } from "preact/hooks";
import { isOver, type Job, useJob } from "./job.ts";
import { Picture } from "./picture.tsx";
import { again, cancel, type Item, type Run, sending } from "./runs.ts";

/** What one model makes of an order: how it goes, what came, how long it took and what it cost. */
export function JobCard({ item, name, run }: { item: Item; name: string; run: Run }) {
  const [, change] = useQuery();
  const { error, job, retry: follow } = useJob(item.jobId);
  const isSending = sending.value.has(item.idempotencyKey);
  const isLost = item.jobId === null && !isSending && (item.fault === null || item.fault.code === "OFFLINE");
  const over = job !== undefined && isOver(job);
  const retry = () => again(run, item);
  return (
    <section class="card" aria-label={`Pictures of ${name}`} aria-busy={!over && item.fault === null}>
      <header class="card-head">
        <h2>{name}</h2>
        <span class="row">
          {job && <Badge>{job.status}</Badge>}
          {item.fault && <Badge tone="bad">failed</Badge>}
          {isSending && <Badge tone="plain">ordering</Badge>}
        </span>
      </header>
      {isLost && (
        <Note tone="warn">
          <p>No answer came: whether it was ordered is not known. Asked again, it is bought once.</p>
          {item.fault === null && (
            <p>
              <Button size="small" onClick={retry}>
                Try again
              </Button>
            </p>
          )}
        </Note>
      )}
      {item.fault && <Fault error={new ApiError(item.fault)} retry={retry} />}
      {error !== null && <Fault error={error} retry={follow} />}
      {job && !over && <Progress job={job} since={item.sentAt} name={name} />}
      {job?.error && <Fault error={failureOf(job)} retry={retry} />}
      {job?.status === "cancelled" && (
        <p class="quiet">
          It was given up.{" "}
          <Button size="small" onClick={retry}>
            Order again
          </Button>
        </p>
      )}
      {job && job.outputs.length > 0 && (
        <Outputs job={job} name={name} prompt={run.prompt} open={(asset) => change({ asset })} />
      )}
      {job?.notices.map((notice) => (
        <Note key={notice} tone="warn">
          {notice}
        </Note>
      ))}
      {job && <LeftOut job={job} />}
      {job && over && <Figures job={job} name={name} asked={item.model} />}
      <footer class="row">
        <Button size="small" kind="plain" onClick={() => change({ call: item.idempotencyKey })}>
          Code
        </Button>
        {job && over && (
          <Button size="small" kind="plain" onClick={() => change({ receipt: job.receipt_id })}>
            Receipt
          </Button>
        )}
      </footer>
    </section>
  );
}

const WORDS: Record<string, string> = {
  copying: "The pictures are on their way into the store",
  queued: "Nothing is sent yet",
  running: "The vendor is at work",
  submitting: "The order is on its way to the vendor",
};

function Progress({ job, name, since }: { job: Job; name: string; since: number }) {
  const [isGivenUp, setGivenUp] = useState(false);
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  const giveUp = async () => {
    await cancel(job.id);
    setGivenUp(true);
  };
  return (
    <div class="form">
      <progress
        aria-label={`Progress of ${name}`}
        max={100}
        {...(job.progress === null ? {} : { value: job.progress })}
      />
      <div class="row">
        <span role="status">
          {isGivenUp ? "Stopping" : (WORDS[job.status] ?? job.status)}
          {job.provider_status && <span class="quiet"> · {job.provider_status}</span>}
        </span>
        <span class="quiet" aria-hidden="true">
          {duration(Math.max(0, now - since))}
        </span>
        <span class="row-end">
          <Button size="small" disabled={isGivenUp} aria-label={`Cancel ${name}`} onClick={giveUp}>
            Cancel
          </Button>
        </span>
      </div>
    </div>
  );
}

function Outputs(props: { job: Job; name: string; open: (asset: string) => void; prompt: string }) {
  const { job, name, open, prompt } = props;
  return (
    <ul class="outputs">
      {job.outputs.map((output, index) => (
        <li key={output.asset_id}>
          <button type="button" class="picture-button" onClick={() => open(output.asset_id)}>
            <Picture alt={`Picture ${index + 1} of ${name}`} asset={{ ...output, id: output.asset_id }} />
          </button>
          {output.revised_prompt && output.revised_prompt !== prompt && (
            <p class="quiet small wrap">As the vendor put it: {output.revised_prompt}</p>
          )}
        </li>
      ))}
    </ul>
  );
}

/** What of the order its vendor was not told, and why where somebody wants that told. */
function LeftOut({ job: { dropped, warnings } }: { job: Job }) {
  if (dropped.length === 0) return null;
  return (
    <div class="quiet small wrap">
      <p>
        Left out, since the model has no word for it: <code>{dropped.join(", ")}</code>
      </p>
      {warnings.length > 0 && (
        <ul aria-label="Why it was left out">
          {warnings.map((warning) => (
            <li key={warning}>{warning}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Figures({ asked, job, name }: { asked: string; job: Job; name: string }) {
  const took = job.finished_at ? Date.parse(job.finished_at) - Date.parse(job.created_at) : null;
  const [first] = job.outputs;
  return (
    <dl class="figures" aria-label={`Figures of ${name}`}>
      <div>
        <dt>Time</dt>
        <dd>{took === null ? "–" : duration(took)}</dd>
      </div>
      <div>
        <dt>Cost</dt>
        <dd>{job.cost_micros === null ? "not known" : money(job.cost_micros)}</dd>
      </div>
      <div>
        <dt>Pictures</dt>
        <dd>{count(job.outputs.length)}</dd>
      </div>
      <div>
        <dt>Size</dt>
        <dd class="nowrap">{first?.width && first.height ? `${first.width} × ${first.height}` : "–"}</dd>
      </div>
      {job.model_id !== null && job.model_id !== asked && (
        <div>
          <dt>Served by</dt>
          <dd>{job.model_id}</dd>
        </div>
      )}
    </dl>
  );
}

/** Why a job failed, as the call would have been told. */
function failureOf(job: Job): ApiError {
  const { code = "FAILED", details, message = "", retry_after_ms } = job.error ?? {};
  return new ApiError({
    code,
    details: (details ?? {}) as Record<string, unknown>,
    message,
    requestId: job.request_id,
    retryAfter: typeof retry_after_ms === "number" ? Math.ceil(retry_after_ms / 1_000) : undefined,
    status: 0,
  });
}
