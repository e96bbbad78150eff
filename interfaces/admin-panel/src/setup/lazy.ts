import { h } from "preact";
import { ErrorBoundary, lazy } from "preact-iso";

const Steps = lazy(() => import("./setup.tsx"));

/** The first steps of an installation: seen once, so it is not part of what every visit loads. */
export function Setup() {
  return h(ErrorBoundary, null, h(Steps, null));
}
