import { base } from "@de/api";
import { Button, Code, Dialog, Fault, SelectField, Tabs, useQuery, useResource } from "@de/ui";
import { CallCode } from "@de/ui/call-code";
import { shortened } from "@de/ui/shortened";
import { type Call, chatSnippet } from "@de/ui/snippets";
import { bodyOf, headersOf } from "./body.ts";
import { findAnswer } from "./conversation.ts";
import type { Known } from "./run.ts";
import type { Answer, Conversation, Turn } from "./types.ts";

const PATH = "/v1/chat/completions";

interface CallProps {
  /** What is written in the composer. */
  draft: string;
  /** An answer, or `next` for what would be sent now. */
  id: string;
  known: Known;
  now: Conversation;
  onClose: () => void;
}

/** A call as it is: as code, as it was sent, as it came. */
export default function CallDialog(props: CallProps) {
  const answer = props.id === "next" ? undefined : findAnswer(props.id);
  const { id, onClose } = props;
  return (
    <Dialog size="large" title={id === "next" ? "The next call" : "This call"} onClose={onClose}>
      {answer ? (
        <Sent answer={answer} />
      ) : id === "next" ? (
        <Next {...props} />
      ) : (
        <p>This browser does not have that answer.</p>
      )}
      <div class="form-end">
        <Button onClick={onClose}>Close</Button>
      </div>
    </Dialog>
  );
}

function Sent({ answer }: { answer: Answer }) {
  const [query, change] = useQuery();
  const { events, eventsLeftOut, headers, request, requestHeaders } = answer;
  const isStream = request.stream === true;
  const tabs = [
    ["code", "Code"],
    ["request", "Request"],
    ["answer", isStream ? "Events" : "Answer"],
    ["headers", "Headers"],
  ] as const;
  const tab = tabs.find(([one]) => one === query.tab)?.[0] ?? "code";
  return (
    <Tabs label="Parts of the call" tabs={tabs} selected={tab} onSelect={(one) => change({ tab: one })}>
      {tab === "code" && (
        <CallCode call={{ base, body: request, headers: requestHeaders, path: PATH }} write={chatSnippet} />
      )}
      {tab === "request" && (
        <Code label="request" text={written({ headers: requestHeaders, body: request })} />
      )}
      {tab === "answer" && (
        <>
          <Code label={isStream ? "events" : "answer"} text={shown(events, isStream)} />
          {eventsLeftOut > 0 && (
            <p class="quiet small">{eventsLeftOut} more events came, and were not kept.</p>
          )}
        </>
      )}
      {tab === "headers" && <Code label="headers" text={lines(headers)} />}
    </Tabs>
  );
}

/** A request as HTTP has it, without the key. */
function written({ body, headers }: Pick<Call, "body"> & { headers: Record<string, string> }): string {
  const more = lines({ "content-type": "application/json", ...headers });
  return `POST ${PATH}\n${more}\n\n${JSON.stringify(body, null, 2)}`;
}

function lines(headers: Record<string, string>): string {
  const all = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return all.length === 0 ? "No answer came." : all.join("\n");
}

function shown(events: string[], isStream: boolean): string {
  if (events.length === 0) return "Nothing came.";
  if (isStream) return events.map((data) => `data: ${data}`).join("\n\n");
  try {
    return JSON.stringify(JSON.parse(events.join("")), null, 2);
  } catch {
    return events.join("");
  }
}

function Next({ draft, known, now }: CallProps) {
  const [query, change] = useQuery();
  const model = now.models.find((one) => one === query.of) ?? now.models[0] ?? "";
  const turn: Turn = { answers: {}, id: "", pictures: [], text: draft === "" ? "…" : draft };
  const about = known.models.find(({ model_id }) => model_id === model);
  const body = useResource(
    async () => shortened(await bodyOf(now, turn, model, about, known.options)),
    [model, draft, now.settings, known.options],
  );
  return (
    <>
      {now.models.length > 1 && (
        <SelectField
          label="Model"
          options={now.models.map((one) => [one, one] as const)}
          value={model}
          onInput={(of) => change({ of })}
        />
      )}
      {body.error ? <Fault error={body.error} /> : null}
      {body.data && (
        <CallCode
          call={{ base, body: body.data, headers: headersOf(now.settings), path: PATH }}
          write={chatSnippet}
        />
      )}
    </>
  );
}
