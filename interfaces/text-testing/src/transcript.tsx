import { useEffect, useMemo, useRef } from "preact/hooks";
import { AnswerCard } from "./answer.tsx";
import { isRunning } from "./body.ts";
import type { Known } from "./run.ts";
import { Thumbnail } from "./thumbnail.tsx";
import { answersOf, type Conversation, type Turn } from "./types.ts";

/** What was asked, and what each model answered, beside one another. */
export default function Transcript({ known, now }: { known: Known; now: Conversation }) {
  const last = now.turns.at(-1);
  const isBusy = last ? isRunning(last) : false;
  useFollow(now.id, now.turns);
  return (
    <section class="turns" aria-label="Conversation" aria-busy={isBusy}>
      {now.turns.map((turn, index) => (
        <KeptTurn key={turn.id} turn={turn} known={known} isLast={index === now.turns.length - 1} />
      ))}
      <p class="only-heard" role="status">
        {isBusy ? "Answering" : last ? told(last) : ""}
      </p>
    </section>
  );
}

/** For who hears the page: that it is over. */
function told(turn: Turn): string {
  const all = answersOf(turn);
  const well = all.filter(({ state }) => state === "done").length;
  return `${well} of ${all.length} answers are complete`;
}

interface TurnProps {
  isLast: boolean;
  known: Known;
  turn: Turn;
}

/** While one answer comes, the turns before it are not drawn again. */
function KeptTurn({ isLast, known, turn }: TurnProps) {
  return useMemo(() => <TurnView isLast={isLast} known={known} turn={turn} />, [isLast, known, turn]);
}

function TurnView({ isLast, known, turn }: TurnProps) {
  return (
    <article class="turn" aria-label={`Prompt: ${turn.text.slice(0, 60)}`}>
      <div class="prompt">
        {turn.pictures.length > 0 && (
          <div class="row">
            {turn.pictures.map((picture) => (
              <Thumbnail key={picture.id} picture={picture} />
            ))}
          </div>
        )}
        <p class="said">{turn.text}</p>
      </div>
      <div class="answers">
        {Object.entries(turn.answers).map(([model, list]) => (
          <div key={model} class="lane">
            {list.map((answer, index) => (
              <AnswerCard
                key={answer.id}
                answer={answer}
                turnId={turn.id}
                known={known}
                isLast={isLast && index === list.length - 1}
              />
            ))}
          </div>
        ))}
      </div>
    </article>
  );
}

/** Keeps the end of what grows in sight, for who was looking at it; and shows what was asked last. */
function useFollow(id: string, turns: readonly Turn[]): void {
  const isAtEnd = useRef(true);
  const toEnd = () => scrollTo({ top: document.documentElement.scrollHeight });
  useEffect(() => {
    const look = () => {
      const { clientHeight, scrollHeight, scrollTop } = document.documentElement;
      isAtEnd.current = scrollHeight - scrollTop - clientHeight < 80;
    };
    addEventListener("scroll", look, { passive: true });
    return () => removeEventListener("scroll", look);
  }, []);
  useEffect(toEnd, [id, turns.length]);
  useEffect(() => {
    if (isAtEnd.current) toEnd();
  }, [turns]);
}
