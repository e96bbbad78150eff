import type { Schema } from "@de/api";
import { Code, Fault, Note } from "@de/ui";
import { isConfig, written } from "../draft.ts";
import type { Previewed } from "./use-preview.ts";

/** The exact request that would go to the vendor, as it is now. */
export function Preview({ blocked, of }: { blocked: string | null; of: Previewed }) {
  const { data, error, isPending } = of;
  return (
    <div class="form" aria-busy={isPending}>
      <p class="small quiet" role="status">
        {blocked ??
          (isPending ? "Asking…" : "Written by the code that writes the real one. Nothing is sent.")}
      </p>
      {blocked === null && error !== null && <Fault error={error} />}
      {blocked === null && data && data.issues.length > 0 && (
        <Issues issues={data.issues} isRequest={!!data.request} />
      )}
      {data?.request && <Request request={data.request} label="Request" />}
      {data?.poll && <Poll poll={data.poll} />}
      {data && Object.keys(data.variables).length > 0 && (
        <details>
          <summary>Variables</summary>
          <Code label="Variables" text={written(data.variables)} />
        </details>
      )}
    </div>
  );
}

function Issues({ isRequest, issues }: { isRequest: boolean; issues: Schema<"PreviewIssue">[] }) {
  return (
    <Note tone={isRequest ? "warn" : "bad"}>
      <strong>{isRequest ? "Left out" : "There is no request yet"}</strong>
      <ul class="issues">
        {issues.map(({ pointer, reason }) => (
          <li key={pointer + reason}>
            <code>{pointer || "/"}</code> {reason}
          </li>
        ))}
      </ul>
    </Note>
  );
}

/** A request as it goes over the line: its address, its headers, its body. */
export function Request({ label, request }: { label: string; request: Schema<"PreviewRequest"> }) {
  const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`);
  const body = request.body;
  const text = [
    `${request.method} ${request.url}`,
    ...headers,
    ...(body === null || body === undefined
      ? []
      : ["", isConfig(body) || Array.isArray(body) ? written(body) : String(body)]),
  ];
  return <Code label={label} text={text.join("\n")} />;
}

function Poll({ poll }: { poll: Schema<"PreviewPoll"> }) {
  return (
    <>
      <p class="small quiet">
        Then every {poll.every_ms} ms, for {Math.round(poll.timeout_ms / 1000)} s at most, with the job's own
        id:
      </p>
      <Request request={poll.request} label="Poll" />
      {poll.result_request && <Request request={poll.result_request} label="Result" />}
      {poll.cancel && <Request request={poll.cancel} label="Cancel" />}
    </>
  );
}
