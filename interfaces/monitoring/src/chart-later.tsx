import { Fault } from "@de/ui";
import type { ChartProps } from "@de/ui/chart";
import { signal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { useEffect } from "preact/hooks";

type Room = { Chart: FunctionComponent<ChartProps> } | { error: unknown } | null;

const room = signal<Room>(null);
let asked = false;

function fetchRoom(): void {
  asked = true;
  room.value = null;
  import("@de/ui/chart").then(
    ({ Chart }) => {
      room.value = { Chart };
    },
    (error: unknown) => {
      room.value = { error };
    },
  );
}

/** A chart. What draws it is heavy, and comes after the page: the place is kept for it. */
export function ChartLater(props: ChartProps) {
  useEffect(() => {
    if (!asked) fetchRoom();
  }, []);
  const there = room.value;
  if (there === null) return <div class="bone panel-bone" />;
  if ("error" in there) return <Fault error={there.error} retry={fetchRoom} />;
  const { Chart } = there;
  return <Chart {...props} />;
}
