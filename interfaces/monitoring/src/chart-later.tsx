import { later } from "@de/ui";

/** A chart. What draws it is heavy, and comes after the page: the place is kept for it. */
export const ChartLater = later(
  async () => ({ default: (await import("@de/ui/chart")).Chart }),
  () => <div class="bone panel-bone" />,
);
