import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

interface PageProps {
  /** What can be done here. */
  actions?: ComponentChildren;
  children: ComponentChildren;
  /** Where this page belongs. */
  crumbs?: ComponentChildren;
  /** One sentence: what this is for. */
  lead?: ComponentChildren;
  title: string;
}

/** One page: its title, what can be done, and what it shows. */
export function Page({ actions, children, crumbs, lead, title }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Distributed Electrons`;
  }, [title]);
  return (
    <div class="page">
      <header class="page-head">
        <div>
          {crumbs}
          <h1>{title}</h1>
          {lead && <p>{lead}</p>}
        </div>
        {actions && <div class="row">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** The way from above to here. */
export function Crumbs({ of }: { of: readonly (readonly [href: string, name: string])[] }) {
  return (
    <nav class="crumbs" aria-label="Above">
      {of.map(([href, name]) => (
        <span key={href}>
          <a href={href}>{name}</a> /{" "}
        </span>
      ))}
    </nav>
  );
}
