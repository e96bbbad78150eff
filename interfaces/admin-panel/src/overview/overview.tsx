import { lazy } from "preact-iso";

/** What there is to see at a glance: loaded by itself, so that other rooms do not load it. */
const Board = lazy(() => import("./board.tsx"));

export function Overview() {
  return <Board />;
}
