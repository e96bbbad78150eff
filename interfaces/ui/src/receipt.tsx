import { api, take } from "@de/api";
import { Badge } from "./badge.tsx";
import { Button, CopyButton } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { count, duration, money } from "./numbers.ts";
import { Resource, useResource } from "./resource.tsx";
import { Time } from "./time.tsx";

/** What one call was charged, and who served it: its receipt as the books have it. */
export function ReceiptDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const receipt = useResource(
    (signal) => take(api.GET("/v1/receipts/{receipt_id}", { params: { path: { receipt_id: id } }, signal })),
    [id],
  );
  return (
    <Dialog title="Receipt" onClose={onClose}>
      <p class="row">
        <code class="wrap">{id}</code> <CopyButton label="Copy the receipt's id" text={id} />
      </p>
      <Resource of={receipt}>
        {(data) => (
          <>
            <dl class="facts">
              <dt>Status</dt>
              <dd class="row">
                <Badge>{data.status}</Badge>
                {data.error_code && <code>{data.error_code}</code>}
              </dd>
              <dt>Cost</dt>
              <dd>
                {data.cost_micros === null || data.cost_micros === undefined
                  ? "not known: the model has no price"
                  : money(data.cost_micros)}
                {data.estimated ? ", by our own count of tokens" : ""}
              </dd>
              <dt>Model</dt>
              <dd>
                <code>{data.model_id ?? "–"}</code>
                {data.model_id !== data.requested_model_id && (
                  <>
                    , asked for <code>{data.requested_model_id}</code>
                  </>
                )}
              </dd>
              <dt>Provider</dt>
              <dd>{data.provider_id ?? "–"}</dd>
              <dt>Prices of</dt>
              <dd>{data.price ? `version ${data.price.version} of the model` : "–"}</dd>
              {Object.entries(data.usage ?? {})
                .filter(([, amount]) => amount > 0)
                .map(([name, amount]) => (
                  <Counted key={name} name={name} amount={amount} />
                ))}
              <dt>Admitted</dt>
              <dd>
                <Time at={data.admitted_at} />
              </dd>
              <dt>Request</dt>
              <dd>
                <code>{data.request_id}</code>
              </dd>
            </dl>
            <h3>Attempts</h3>
            <ol class="form">
              {data.attempts.map((attempt, index) => (
                <li key={index} class="row">
                  <code>{attempt.model_id}</code> at {attempt.provider_id}
                  <span class="quiet">
                    {attempt.status ?? "no answer"} after {duration(attempt.duration_ms)}
                  </span>
                  {attempt.error_code && <code>{attempt.error_code}</code>}
                </li>
              ))}
              {data.attempts.length === 0 && <li class="quiet">No vendor was asked.</li>}
            </ol>
          </>
        )}
      </Resource>
      <div class="form-end">
        <Button onClick={onClose}>Close</Button>
      </div>
    </Dialog>
  );
}

function Counted({ amount, name }: { amount: number; name: string }) {
  const words = name.replaceAll("_", " ");
  return (
    <>
      <dt>{words.charAt(0).toUpperCase() + words.slice(1)}</dt>
      <dd>{name === "media_ms" ? duration(amount) : count(amount)}</dd>
    </>
  );
}
