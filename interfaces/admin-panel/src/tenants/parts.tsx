import { CopyButton, LinkButton, Time } from "@de/ui";
import type { ComponentChildren } from "preact";

/** An id, to be copied. */
export function Id({ children }: { children: string }) {
  return (
    <span class="copied-id">
      <code>{children}</code>
      <CopyButton label="Copy id" text={children} />
    </span>
  );
}

/** What is known of something: names, and what they have. A fact without anything is left out. */
export function Facts({ of }: { of: readonly (readonly [name: string, fact: ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {of.map(([name, fact]) => (
        <FactRow key={name} name={name}>
          {fact}
        </FactRow>
      ))}
    </dl>
  );
}

function FactRow({ children, name }: { children: ComponentChildren; name: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** A part of a page with a heading, and perhaps something to do there. */
export function Card(props: { actions?: ComponentChildren; children: ComponentChildren; title: string }) {
  const { actions, children, title } = props;
  return (
    <section class="card" aria-label={title}>
      <div class="card-head">
        <h2>{title}</h2>
        {actions && <div class="row">{actions}</div>}
      </div>
      {children}
    </section>
  );
}

/** A list of a page with a heading, and perhaps something to do there. The list has its own frame. */
export function Below(props: { actions?: ComponentChildren; children: ComponentChildren; title: string }) {
  const { actions, children, title } = props;
  return (
    <div class="stack">
      <div class="card-head">
        <h2>{title}</h2>
        {actions && <div class="row">{actions}</div>}
      </div>
      {children}
    </div>
  );
}

/** What has no value. */
export function None({ children = "none" }: { children?: string }) {
  return <span class="quiet none">{children}</span>;
}

/** A fact of several lines, or what it means that there is none. */
export function Lines(props: {
  children: (line: string) => ComponentChildren;
  none: string;
  of: readonly string[];
}) {
  const { children, none, of } = props;
  if (of.length === 0) return <None>{none}</None>;
  return (
    <ul class="lines">
      {of.map((line) => (
        <li key={line}>{children(line)}</li>
      ))}
    </ul>
  );
}

/** When a row was last changed, and the way to who did it. */
export function Changed({ row, seesAudit }: { row: { id: string; updated_at: string }; seesAudit: boolean }) {
  return (
    <span class="row">
      <Time at={row.updated_at} />
      {seesAudit && (
        <LinkButton size="small" href={`/audit?target_id=${row.id}`}>
          History
        </LinkButton>
      )}
    </span>
  );
}
