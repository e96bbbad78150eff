import { person, resume } from "@de/api";
import { type ComponentChildren, render } from "preact";
import { LocationProvider, useLocation } from "preact-iso";
import { watchBack } from "./back.ts";
import { LogIn } from "./login.tsx";

interface Page {
  /** What is shown to whom is logged in. */
  app: () => ComponentChildren;
  name: string;
  /** What is shown to everybody, at one path. */
  open?: { app: () => ComponentChildren; path: string };
}

/** Begins a page: finds out who is there, then shows the page, or the log-in. */
export function start(page: Page): void {
  const root = document.getElementById("app");
  if (!root) throw new Error("the page has no #app");
  watchBack();
  render(
    <LocationProvider>
      <Door page={page} />
    </LocationProvider>,
    root,
  );
  void resume();
}

function Door({ page }: { page: Page }) {
  const { path } = useLocation();
  if (page.open && path === page.open.path) return <>{page.open.app()}</>;
  if (person.value === undefined) return null;
  if (person.value === null) return <LogIn name={page.name} />;
  return <>{page.app()}</>;
}
