import { Resource, useResource } from "@de/ui";

interface DiffProps {
  after: string;
  before: string;
  /** What the two are called. */
  names: readonly [string, string];
}

interface Line {
  kind: "added" | "removed" | "same";
  text: string;
}

/** How many lines stand around a change. */
const AROUND = 3;

/** Two texts, line by line: what went, what came, and a few lines around. */
export function Diff({ after, before, names }: DiffProps) {
  const compared = useResource(() => compare(before, after), [before, after]);
  return (
    <Resource of={compared}>
      {(lines) =>
        lines.every(({ kind }) => kind === "same") ? (
          <p class="quiet">No line is different.</p>
        ) : (
          <figure class="code diff" aria-label={`From ${names[0]} to ${names[1]}`}>
            <figcaption class="small quiet">
              <span>− {names[0]}</span> <span>+ {names[1]}</span>
            </figcaption>
            <pre tabIndex={0}>{shortened(lines).map(draw)}</pre>
          </figure>
        )
      }
    </Resource>
  );
}

async function compare(before: string, after: string): Promise<Line[]> {
  const { diffLines } = await import("diff");
  return diffLines(`${before}\n`, `${after}\n`).flatMap(({ added, removed, value }) =>
    value
      .replace(/\n$/, "")
      .split("\n")
      .map((text): Line => ({ kind: added ? "added" : removed ? "removed" : "same", text })),
  );
}

/** Lines far from any change are left out; null stands for some of them. */
function shortened(lines: readonly Line[]): (Line | null)[] {
  const isNear = lines.map((_, at) =>
    lines.slice(Math.max(0, at - AROUND), at + AROUND + 1).some(({ kind }) => kind !== "same"),
  );
  return lines.flatMap((line, at) => (isNear[at] ? [line] : isNear[at - 1] || at === 0 ? [null] : []));
}

const SIGNS = { added: "+", removed: "−", same: " " } as const;

function draw(line: Line | null, at: number) {
  if (line === null) {
    return (
      <span key={at} class="diff-line quiet">
        {"  …\n"}
      </span>
    );
  }
  const { kind, text } = line;
  const Element = kind === "added" ? "ins" : kind === "removed" ? "del" : "span";
  return (
    <Element key={at} class="diff-line" data-kind={kind}>
      {`${SIGNS[kind]} ${text}\n`}
    </Element>
  );
}
