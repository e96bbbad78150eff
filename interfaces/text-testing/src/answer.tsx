import { ApiError } from "@de/api";
import { Badge, Button, CopyButton, count, duration, Fault, money, Note, useQuery } from "@de/ui";
import { again, type Known, stop } from "./run.ts";
import { parse } from "./stream.ts";
import { ToolCalls } from "./tool-calls.tsx";
import type { Answer } from "./types.ts";

interface AnswerProps {
  answer: Answer;
  /** Whether it is the newest of its model, so that it may be asked for once more. */
  isLast: boolean;
  known: Known;
  turnId: string;
}

/** One answer: what was said, how it went, and what can be looked at. */
export function AnswerCard({ answer, isLast, known, turnId }: AnswerProps) {
  const [, change] = useQuery();
  const name = known.models.find(({ model_id }) => model_id === answer.model)?.display_name ?? answer.model;
  const served = answer.headers["x-de-model"];
  const isOver = answer.state !== "streaming";
  const retry = () => again(turnId, answer.model, known);
  return (
    <div class="answer" role="group" aria-label={`Answer of ${name}`} aria-busy={!isOver}>
      <header class="answer-head">
        <h2>{name}</h2>
        <Status answer={answer} />
        {answer.request.response_format !== undefined && answer.state === "done" && answer.text !== "" && (
          <Badge tone={parse(answer.text) ? "good" : "bad"}>{parse(answer.text) ? "JSON" : "no JSON"}</Badge>
        )}
        {served !== undefined && served !== answer.model && (
          <Badge tone="warn">{`served by ${served}`}</Badge>
        )}
        {answer.headers["x-de-cache"] === "hit" && <Badge tone="plain">from the cache</Badge>}
        {!isOver && (
          <span class="row-end">
            <Button size="small" onClick={() => stop(answer.id)} aria-label={`Stop ${name}`}>
              Stop
            </Button>
          </span>
        )}
      </header>
      {answer.thoughts !== "" && (
        <details class="thoughts">
          <summary>Thoughts</summary>
          <p class="said quiet">{answer.thoughts}</p>
        </details>
      )}
      {answer.text !== "" && <p class="said">{answer.text}</p>}
      {answer.refusal !== "" && (
        <Note tone="warn">
          The model declines: <span class="said">{answer.refusal}</span>
        </Note>
      )}
      {answer.calls.length > 0 && (
        <ToolCalls answer={answer} turnId={turnId} known={known} isOpen={isOver && isLast} />
      )}
      <Ending answer={answer} />
      {answer.fault !== null && <Fault error={new ApiError(answer.fault)} />}
      {isOver && (
        <>
          <Figures answer={answer} name={name} />
          <footer class="row answer-foot">
            {answer.text !== "" && <CopyButton label="Copy the answer" text={answer.text} />}
            <Button size="small" kind="plain" onClick={() => change({ call: answer.id, tab: null })}>
              Raw and code
            </Button>
            {answer.headers["x-de-receipt"] !== undefined && (
              <Button
                size="small"
                kind="plain"
                onClick={() => change({ receipt: answer.headers["x-de-receipt"] ?? null })}
              >
                Receipt
              </Button>
            )}
            {isLast && (
              <Button size="small" kind={answer.state === "done" ? "plain" : "usual"} onClick={retry}>
                {answer.state === "done" ? "Ask again" : "Try again"}
              </Button>
            )}
          </footer>
        </>
      )}
    </div>
  );
}

function Status({ answer: { state } }: { answer: Answer }) {
  if (state === "done") return null;
  if (state === "streaming") return <Badge tone="good">answering</Badge>;
  return <Badge tone={state === "failed" ? "bad" : "warn"}>{state}</Badge>;
}

/** Why there is no more than what is there. */
function Ending({ answer }: { answer: Answer }) {
  const { finish, headers, state, text } = answer;
  const dropped = headers["x-de-dropped"];
  const warnings = headers["x-de-warnings"];
  return (
    <>
      {state === "cut" && (
        <p class="quiet small">It was cut here: the page was left, or the connection broke.</p>
      )}
      {state === "stopped" && <p class="quiet small">You stopped it here.</p>}
      {state === "done" && finish === "length" && (
        <p class="quiet small">It ended at the most tokens that it may have.</p>
      )}
      {finish === "content_filter" && <p class="quiet small">The vendor held the rest back as unsafe.</p>}
      {state === "done" && text === "" && answer.calls.length === 0 && answer.refusal === "" && (
        <p class="quiet small">The answer is empty.</p>
      )}
      {dropped !== undefined && (
        <p class="quiet small">
          Left out, since the model has no word for it: <code>{dropped}</code>
        </p>
      )}
      {warnings !== undefined && <p class="quiet small">{warnings}</p>}
    </>
  );
}

/** What can be measured of an answer. Times are those that this page saw. */
function Figures({ answer, name }: { answer: Answer; name: string }) {
  const { firstMs, totalMs, usage } = answer;
  const wrote = totalMs !== null && firstMs !== null ? totalMs - firstMs : 0;
  // What came in one piece tells nothing of how fast it was written.
  const speed = usage && wrote >= 10 && usage.output > 1 ? (usage.output * 1_000) / wrote : null;
  return (
    <dl class="figures" aria-label={`Figures of ${name}`}>
      <Figure name="Tokens">
        {usage ? (
          <span
            title={`${usage.cached} of the prompt from the vendor's cache, ${usage.reasoning} for thoughts`}
          >
            {count(usage.input)} in, {count(usage.output)} out
          </span>
        ) : (
          "–"
        )}
      </Figure>
      <Figure name="Cost">
        <CostView answer={answer} />
      </Figure>
      <Figure name="First token">{firstMs === null ? "–" : duration(firstMs)}</Figure>
      <Figure name="Speed">{speed === null ? "–" : `${count(Math.round(speed))} tokens/s`}</Figure>
      <Figure name="Total">{totalMs === null ? "–" : duration(totalMs)}</Figure>
    </dl>
  );
}

function Figure({ children, name }: { children: preact.ComponentChildren; name: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function CostView({ answer: { cost, estimated } }: { answer: Answer }) {
  switch (cost.state) {
    case "known":
      return (
        <>
          {money(cost.micros)}
          {estimated && <span title="By our own count of tokens"> about</span>}
        </>
      );
    case "unpriced":
      return <>no price</>;
    case "unread":
      return <>–</>;
    case "waiting":
      return (
        <span class="quiet" title="The books are a few seconds behind">
          pending
        </span>
      );
  }
}
