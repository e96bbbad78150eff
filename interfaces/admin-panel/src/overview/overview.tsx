import { later } from "@de/ui";

/** What there is to see at a glance: loaded by itself, so that other rooms do not load it. */
const Board = later(() => import("./board.tsx"));

export function Overview() {
  return <Board />;
}
