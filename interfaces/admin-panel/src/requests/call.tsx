import { api, isOperator, type Schema, take } from "@de/api";
import { count, Note, Resource, Tag, Time, useInstances, useResource } from "@de/ui";
import { type ComponentChildren, Fragment } from "preact";
import { namesOf } from "../limits/scopes.ts";
import { modelHref } from "../models/rows.ts";
import { Charges } from "./charges.tsx";
import { Ending } from "./columns.tsx";
import { ofReached } from "./reached.ts";
import { Waterfall } from "./waterfall.tsx";

type Call = Schema<"Request">;

const bytes = new Intl.NumberFormat("en", {
  maximumFractionDigits: 1,
  notation: "compact",
  style: "unit",
  unit: "byte",
  unitDisplay: "narrow",
});

/** One call: how it ended, when what happened, and what it was charged. */
export function CallShown({ call }: { call: Call }) {
  const receipt = useResource(
    (signal) =>
      take(api.GET("/v1/receipts/{receipt_id}", { params: { path: { receipt_id: call.id } }, signal })),
    [call.id],
  );
  return (
    <>
      {call.error_code && <WhatFailed call={call} />}
      <div class="two">
        <section class="card" aria-label="The call">
          <div class="card-head">
            <h2>The call</h2>
            <Ending call={call} />
          </div>
          <Facts call={call} />
        </section>
        <section class="card" aria-label="What it cost">
          <h2>What it cost</h2>
          <Resource of={receipt}>{(found) => <Charges receipt={found} />}</Resource>
        </section>
      </div>
      <section class="card" aria-label="When what happened">
        <h2>When what happened</h2>
        <Waterfall call={call} />
        {call.attempts.length === 0 && <p class="quiet">No vendor was tried.</p>}
      </section>
    </>
  );
}

function WhatFailed({ call }: { call: Call }) {
  const last = call.attempts.at(-1);
  return (
    <Note tone={call.status === "failed" ? "bad" : "warn"}>
      <p>
        The caller was told <code>{call.error_code}</code> with status {call.http_status}.
      </p>
      {last?.error_code && (
        <p>
          The last try was at {last.provider_id}: <code>{last.error_code}</code>
          {last.status !== null && ` with its status ${last.status}`}.{" "}
          <a href={`/providers/${encodeURIComponent(last.provider_id)}`}>Health of {last.provider_id}</a>
        </p>
      )}
    </Note>
  );
}

function Facts({ call }: { call: Call }) {
  const instances = useInstances();
  const { api_key_id, instance_id, project_id } = call;
  const named = [
    ...(project_id ? [{ id: project_id, instance: instance_id, scope: "project" as const }] : []),
    ...(api_key_id ? [{ id: api_key_id, instance: instance_id, scope: "key" as const }] : []),
  ];
  // What is deleted has no name any more, and who may not see it is told none: the id is told then.
  const names = useResource(
    (signal) =>
      namesOf(
        named.map((place) => ({ budgets: null, limits: null, place })),
        signal,
      ),
    [project_id, api_key_id],
  );
  const { model_id } = call;
  // Only who operates the service has to be led to whose model it is.
  const model = useResource(
    async (signal) => {
      if (!model_id || !isOperator.value) return null;
      return ofReached(call, (query) =>
        take(api.GET("/v1/model-configs/{id}", { params: { path: { id: model_id }, query }, signal })),
      );
    },
    [model_id, call.organization_id],
  );
  const nameOf = (id: string) =>
    instances.data?.find((one) => one.id === id)?.name ?? names.data?.get(id) ?? id;
  const facts: [string, ComponentChildren][] = [
    ["Operation", <code key="op">{call.operation}</code>],
    ["Came", <Moment key="at" at={call.admitted_at} />],
    [
      "Model",
      model_id ? (
        <span class="row">
          <a href={modelHref(model.data ?? { model_id })}>{model_id}</a>
          {call.requested_model_id && call.requested_model_id !== model_id && (
            <span class="quiet">asked for as {call.requested_model_id}</span>
          )}
        </span>
      ) : (
        (call.requested_model_id ?? <span class="quiet">none was reached</span>)
      ),
    ],
    [
      "Provider",
      call.provider_id && (
        <span class="row">
          <a href={`/providers/${encodeURIComponent(call.provider_id)}`}>{call.provider_id}</a>
          <span class="quiet">{call.protocol}</span>
        </span>
      ),
    ],
    [
      "Instance",
      <a key="inst" href={`/instances/${call.instance_id}`}>
        {nameOf(call.instance_id)}
      </a>,
    ],
    ["Project", call.project_id && <a href={`/projects/${call.project_id}`}>{nameOf(call.project_id)}</a>],
    ["API key", call.api_key_id && <a href={`/api-keys/${call.api_key_id}`}>{nameOf(call.api_key_id)}</a>],
    ["Person", call.user_id && <a href={`/users/${call.user_id}`}>{call.user_id}</a>],
    [
      "Answer",
      <span key="answer" class="row">
        {call.streamed && <Tag>stream</Tag>} {call.cached && <Tag>cached</Tag>}{" "}
        {call.calls > 1 && <Tag>{count(call.calls)} refused calls</Tag>} {call.modality}
      </span>,
    ],
    ["Bodies", `${bytes.format(call.request_bytes)} in, ${bytes.format(call.response_bytes)} out`],
    ["Request", <code key="rid">{call.request_id}</code>],
    ["Receipt", <code key="rcpt">{call.id}</code>],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) =>
        value ? (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Fragment>
        ) : null,
      )}
    </dl>
  );
}

function Moment({ at }: { at: string }) {
  return (
    <>
      {at.replace("T", " ").replace("Z", " UTC")} (<Time at={at} />)
    </>
  );
}
