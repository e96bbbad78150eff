import { instance, logOut, type PageName, pageAt, person, useInstance } from "@de/api";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { Button } from "./button.tsx";
import { Questions } from "./dialog.tsx";
import { SelectField } from "./field.tsx";
import { Icon, Mark } from "./icons.tsx";
import { Renewal } from "./login.tsx";
import { useInstances } from "./tenants.ts";
import { cycleTheme, theme } from "./theme.ts";
import { Toasts } from "./toast.tsx";

/** Links that belong together. */
export interface NavGroup {
  links: readonly (readonly [href: string, name: string])[];
  title?: string;
}

interface ShellProps {
  children: ComponentChildren;
  /** What this page is, below the project's name. */
  name: string;
  nav: readonly NavGroup[];
}

/** The frame of every page: where one is, who one is, for which instance one acts. */
export function Shell({ children, name, nav }: ShellProps) {
  const { path } = useLocation();
  const [open, setOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  // Another page begins at its top, for the eye and for the keyboard.
  useEffect(() => {
    setOpen(false);
    if (first.current) first.current = false;
    else {
      scrollTo(0, 0);
      main.current?.focus();
    }
  }, [path]);
  return (
    <div class="shell">
      <a class="shell-skip" href="#main">
        Skip to content
      </a>
      <header class="side" data-open={open}>
        <div class="side-top">
          <a class="brand" href="/">
            <Mark />
            <span>
              Distributed Electrons
              <small>{name}</small>
            </span>
          </a>
          <span class="menu-button">
            <Button kind="plain" aria-expanded={open} aria-label="Menu" onClick={() => setOpen(!open)}>
              <Icon name={open ? "close" : "menu"} />
            </Button>
          </span>
        </div>
        <div>
          <InstanceSwitch />
        </div>
        {nav.some((group) => group.links.length > 1) && (
          <nav class="nav" aria-label="Pages">
            {nav.map((group) => (
              <NavLinks key={group.title ?? ""} group={group} path={path} />
            ))}
          </nav>
        )}
        <Elsewhere />
        <div class="side-foot">
          <div class="who" title={person.value?.email}>
            {person.value?.email}
            <div class="quiet small">{person.value?.role}</div>
          </div>
          <div class="row">
            <Button size="small" kind="plain" onClick={logOut}>
              Log out
            </Button>
            <Button
              size="small"
              kind="plain"
              aria-label={`Theme: ${theme.value}`}
              title={`Theme: ${theme.value}`}
              onClick={cycleTheme}
            >
              <Icon name={theme.value === "dark" ? "moon" : "sun"} /> {theme.value}
            </Button>
          </div>
        </div>
      </header>
      <main class="main" id="main" ref={main} tabIndex={-1}>
        {children}
      </main>
      <Questions />
      <Renewal />
      <Toasts />
    </div>
  );
}

function NavLinks({ group, path }: { group: NavGroup; path: string }) {
  return (
    <>
      {group.title && <div class="nav-title">{group.title}</div>}
      {group.links.map(([href, name]) => {
        const here = href === "/" ? path === "/" : path === href || path.startsWith(`${href}/`);
        return (
          <a key={href} href={href} aria-current={here ? "page" : undefined}>
            {name}
          </a>
        );
      })}
    </>
  );
}

const PAGES: readonly (readonly [PageName, string])[] = [
  ["admin-panel", "Admin panel"],
  ["monitoring", "Monitoring"],
  ["image-testing", "Image testing"],
  ["text-testing", "Text testing"],
];

/** The other pages, where they are deployed. */
function Elsewhere() {
  return (
    <nav class="nav elsewhere" aria-label="Elsewhere">
      {PAGES.map(([page, name]) => {
        const href = pageAt(page, "/");
        return href !== null && href !== "/" && <a href={href}>{name}</a>;
      })}
    </nav>
  );
}

/** For which instance one acts. The oldest one that there is, until one is chosen. */
function InstanceSwitch() {
  const { data } = useInstances();
  useEffect(() => {
    if (!data || data.some(({ id }) => id === instance.value)) return;
    const [oldest] = data.toSorted((left, right) => left.created_at.localeCompare(right.created_at));
    useInstance(oldest?.id ?? null);
  }, [data]);
  if (!data || data.length === 0) return null;
  const chosen = data.find(({ id }) => id === instance.value);
  // There is room for a name; what for is told beside it, and in the list where a name alone is not enough.
  const told = ({ environment, name }: (typeof data)[number]) =>
    data.filter((one) => one.name === name).length > 1 ? `${name} · ${environment}` : name;
  return (
    <SelectField
      label="Instance"
      help={chosen?.environment}
      options={data.map((one) => [one.id, told(one)] as const)}
      value={instance.value ?? ""}
      onInput={useInstance}
    />
  );
}
