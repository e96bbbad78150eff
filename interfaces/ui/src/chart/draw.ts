import * as Plot from "@observablehq/plot";
import type { Span } from "../span.ts";

/** What is drawn. */
export interface Drawing {
  /** A value of the axis, in short. */
  format: (value: number) => string;
  height: number;
  /** How each series looks: 1 to 6. */
  looks: readonly number[];
  /** Bars lie on top of one another; lines do not. */
  kind: "bars" | "lines";
  spans: readonly Span[];
  /** Whether times are those of UTC, as days of the API are, or of the person's own place. */
  utc: boolean;
  /** By series, then by span; null where nothing is known. */
  values: readonly (readonly (number | null)[])[];
  /** Whether there is nothing between two whole numbers. */
  whole: boolean;
  width: number;
}

/** Room around what is drawn, in pixels; at the left it depends on what stands at the axis. */
export const MARGIN = { bottom: 20, right: 12, top: 8 } as const;

/** Room for the values beside the axis, in pixels: about as wide as the greatest is. */
export function roomFor(drawing: Pick<Drawing, "format" | "kind" | "spans" | "values" | "whole">): number {
  const most = highest(drawing);
  return Math.max(34, 12 + 6.5 * drawing.format(drawing.whole ? Math.round(most) : most).length);
}

/** Lines of a look, told apart by more than their colour. */
const DASHES: Record<number, string> = { 1: "none", 2: "6 3", 3: "2 2", 4: "8 2 2 2", 5: "1 3", 6: "4 4" };

/** A series' colour, which follows the theme. */
export function ink(look: number): string {
  return `var(--series-${look})`;
}

/** How a line of this look is dashed. */
export function dashes(look: number): string {
  return DASHES[look] ?? "none";
}

/**
 * Draws by Observable Plot.
 *
 * @param patterns the id of a look's pattern, for bars.
 */
export function draw(drawing: Drawing, patterns: (look: number) => string): Element {
  const { format, height, kind, spans, utc, whole, width } = drawing;
  const first = spans[0]?.start ?? 0;
  const last = spans.at(-1)?.end ?? 1;
  const most = highest(drawing);
  const svg = Plot.plot({
    className: "chart-svg",
    color: { type: "identity" },
    height,
    marginBottom: MARGIN.bottom,
    marginLeft: roomFor(drawing),
    marginRight: MARGIN.right,
    marginTop: MARGIN.top,
    marks: [
      Plot.gridY({ stroke: "var(--line)", strokeOpacity: 1, ticks: ticks(most, whole) }),
      ...(kind === "bars" ? bars(drawing, patterns) : lines(drawing)),
      Plot.ruleY([0], { stroke: "var(--line-strong)" }),
      Plot.axisY({ label: null, tickFormat: format, ticks: ticks(most, whole), tickSize: 0 }),
      Plot.axisX({
        label: null,
        tickFormat: told(first, last, utc),
        ticks: Math.max(2, width / 90),
        tickSize: 3,
      }),
    ],
    width,
    x: { domain: [first, last], type: utc ? "utc" : "time" },
    y: { domain: [0, most] },
  });
  // A style sheet of its own, which a strict policy forbids; what it says is in chart.css.
  for (const style of svg.querySelectorAll("style")) style.remove();
  // What it shows is told around it; names of its parts would be for nobody.
  svg.setAttribute("aria-hidden", "true");
  for (const part of svg.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
  return svg;
}

/** The greatest value, or what stands on top of one another; one where there is none, for a scale to be. */
function highest({ kind, spans, values }: Pick<Drawing, "kind" | "spans" | "values">): number {
  const heights = spans.map((_, at) => {
    const here = values.map((series) => series[at] ?? 0);
    return kind === "bars" ? here.reduce((sum, value) => sum + value, 0) : Math.max(0, ...here);
  });
  return Math.max(0, ...heights) * 1.05 || 1;
}

function ticks(most: number, whole: boolean): number | number[] {
  if (!whole || most >= 4) return 4;
  return Array.from({ length: Math.floor(most) + 1 }, (_, at) => at);
}

function bars({ looks, spans, values }: Drawing, patterns: (look: number) => string): Plot.Markish[] {
  const rects = spans.flatMap(({ end, start }, at) => {
    let below = 0;
    return values.flatMap((series, which) => {
      const value = series[at] ?? 0;
      if (value <= 0) return [];
      const y1 = below;
      below += value;
      return [{ fill: `url(#${patterns(looks[which] ?? 1)})`, x1: start, x2: end, y1, y2: below }];
    });
  });
  const gap = spans.length > 80 ? 0 : 0.75;
  return [
    Plot.rect(rects, {
      fill: "fill",
      insetLeft: gap,
      insetRight: gap,
      x1: "x1",
      x2: "x2",
      y1: "y1",
      y2: "y2",
    }),
  ];
}

function lines({ looks, spans, values }: Drawing): Plot.Markish[] {
  return values.flatMap((series, which) => {
    const look = looks[which] ?? 1;
    const points = spans.map(({ end, start }, at) => ({ x: (start + end) / 2, y: series[at] ?? Number.NaN }));
    // A point with a gap on either side would be no line at all.
    const alone = points.filter(
      ({ y }, at) =>
        !Number.isNaN(y) &&
        Number.isNaN(points[at - 1]?.y ?? Number.NaN) &&
        Number.isNaN(points[at + 1]?.y ?? Number.NaN),
    );
    return [
      Plot.line(points, {
        stroke: ink(look),
        strokeDasharray: dashes(look),
        strokeWidth: 1.75,
        x: "x",
        y: "y",
      }),
      Plot.dot(alone, { fill: ink(look), r: 2, x: "x", y: "y" }),
    ];
  });
}

/** Times of the axis: the day where days are shown, else the time of the day, with the day at its beginning. */
function told(first: number, last: number, utc: boolean): (at: Date) => string {
  const zone = utc ? { timeZone: "UTC" } : {};
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", ...zone });
  const long = last - first > 2 * 86_400_000;
  const time = new Intl.DateTimeFormat("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    ...(last - first < 5 * 60_000 ? { second: "2-digit" } : {}),
    ...zone,
  });
  return (at) => {
    const text = time.format(at);
    return long || (text === "00:00" && last - first > 3_600_000) ? day.format(at) : text;
  };
}
