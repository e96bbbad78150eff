import { Badge, Button, Resource, useResource } from "@de/ui";
import { useState } from "preact/hooks";
import { type Finding, type Looked, lookAround } from "./findings.ts";
import type { View } from "./overview.tsx";

const LOOK_EVERY = 30_000;
const SHOWN = 12;

/** What somebody should look at, the worst first, each with the way to where it is mended. */
export function Attention({ view }: { view: View }) {
  const looked = useResource(
    (signal) => lookAround(view, signal),
    [view.instance, view.organization],
    LOOK_EVERY,
  );
  return (
    <section class="card" aria-label="Needs attention">
      <h2>Needs attention</h2>
      <Resource of={looked}>{(all) => <Findings of={all} />}</Resource>
    </section>
  );
}

function Findings({ of }: { of: readonly Looked[] }) {
  const [showsAll, setShowsAll] = useState(false);
  const found = of.flatMap(({ findings }) => findings);
  const sorted = [
    ...found.filter(({ tone }) => tone === "bad"),
    ...found.filter(({ tone }) => tone === "warn"),
  ];
  const failed = of.filter(({ failure }) => failure !== null);
  return (
    <>
      {sorted.length === 0 ? (
        <p class="quiet">
          Nothing:{" "}
          {of
            .filter(({ failure }) => failure === null)
            .map(({ what }) => what)
            .join(", ")}{" "}
          were looked at.
        </p>
      ) : (
        <ul class="findings">
          {(showsAll ? sorted : sorted.slice(0, SHOWN)).map((finding) => (
            <One key={finding.id} of={finding} />
          ))}
        </ul>
      )}
      {sorted.length > SHOWN && (
        <div>
          <Button size="small" aria-expanded={showsAll} onClick={() => setShowsAll(!showsAll)}>
            {showsAll ? "Show fewer" : `Show ${sorted.length - SHOWN} more`}
          </Button>
        </div>
      )}
      {failed.map(({ failure, what }) => (
        <p key={what} class="quiet small">
          Could not look at {what}: {failure}
        </p>
      ))}
    </>
  );
}

function One({ of }: { of: Finding }) {
  return (
    <li>
      <Badge tone={of.tone}>{of.tone === "bad" ? "failing" : "warning"}</Badge>
      <span class="said">
        {of.title} <span class="quiet small">{of.detail}</span>
      </span>
      <a href={of.href} aria-label={`${of.action}: ${of.title}`}>
        {of.action}
      </a>
    </li>
  );
}
