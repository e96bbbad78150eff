import { Button, Code, TextArea } from "@de/ui";
import { useState } from "preact/hooks";
import { changeAnswer } from "./conversation.ts";
import { goOn, type Known } from "./run.ts";
import type { Answer, ToolCall } from "./types.ts";

interface CallsProps {
  answer: Answer;
  /** Whether results are still waited for. */
  isOpen: boolean;
  known: Known;
  turnId: string;
}

/** The tools that a model calls, and what they give back: typed by the person, who stands in for the tools. */
export function ToolCalls({ answer, isOpen, known, turnId }: CallsProps) {
  const [typed, setTyped] = useState<Record<string, string>>({});
  const isAnswered = answer.calls.every(({ id }) => answer.results[id] !== undefined);
  const give = () => {
    const results = Object.fromEntries(answer.calls.map(({ id }) => [id, typed[id] ?? ""]));
    changeAnswer(answer.id, { results });
    goOn(turnId, answer.model, known);
  };
  return (
    <div class="form">
      {answer.calls.map((call) => (
        <div key={call.id} class="tool">
          <h3>
            Calls <code>{call.name}</code> <code class="quiet small">{call.id}</code>
          </h3>
          <Code label={`arguments of ${call.name}`} text={pretty(call)} />
          {isAnswered ? (
            <Code label={`result of ${call.name}`} text={answer.results[call.id] ?? ""} />
          ) : (
            isOpen && (
              <TextArea
                label={`Result of ${call.name}`}
                mono
                rows={2}
                value={typed[call.id] ?? ""}
                onInput={(text) => setTyped({ ...typed, [call.id]: text })}
              />
            )
          )}
        </div>
      ))}
      {isOpen && !isAnswered && (
        <div class="form-end">
          <Button size="small" kind="primary" onClick={give}>
            Send {answer.calls.length === 1 ? "the result" : "the results"}
          </Button>
        </div>
      )}
    </div>
  );
}

/** Arguments as a person reads them; as they came where they are no JSON. */
function pretty({ arguments: given }: ToolCall): string {
  try {
    return JSON.stringify(JSON.parse(given), null, 2);
  } catch {
    return given;
  }
}
