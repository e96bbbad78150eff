import "../css/chart.css";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { draw, MARGIN, roomFor } from "./chart/draw.ts";
import { Patterns, Swatch } from "./chart/look.tsx";
import { type Span, spanText } from "./span.ts";

/** One of the things that a chart shows over time. */
export interface Series {
  /** Shows nothing but this, everywhere; absent where that cannot be asked for. */
  choose?: (() => void) | undefined;
  /** How it looks: 1 to 6, by colour and by pattern or dashes. */
  look: number;
  name: string;
  /** All of it, beside its name. */
  total?: string | undefined;
  /** By span; null where nothing is known, which is drawn as a gap. */
  values: readonly (number | null)[];
}

export interface ChartProps {
  /** A value where there is room for it. */
  exact: (value: number) => string;
  /** A value beside the axis. */
  format: (value: number) => string;
  /** What it shows, and what there is to see in it, in a sentence. */
  gist: string;
  height?: number;
  kind: "bars" | "lines";
  /** What it is of, for who reads it by the keyboard. */
  name: string;
  /** Narrows to one of the spans. */
  onSpan?: ((span: Span) => void) | undefined;
  series: readonly Series[];
  spans: readonly Span[];
  utc?: boolean;
  whole?: boolean;
}

/**
 * Bars or lines over time. Its values are read by pointing, or by the arrow keys as from a slider; a click or Enter
 * narrows to that time. It is drawn by Observable Plot and takes its colours from the theme.
 */
export function Chart(props: ChartProps) {
  const { exact, format, gist, height = 132, kind, name, onSpan, series, spans } = props;
  const { utc = false, whole = false } = props;
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [at, setAt] = useState<number | null>(null);
  const touched = useRef<number | null>(null);
  const values = series.map((one) => one.values);
  const pattern = (look: number) => `${id}-${look}`;
  useEffect(() => {
    if (!box.current || width === 0) return;
    const looks = series.map(({ look }) => look);
    const drawing = { format, height, kind, looks, spans, utc, values, whole, width };
    box.current.replaceChildren(draw(drawing, pattern));
  });
  const cursor = at === null ? null : Math.min(at, spans.length - 1);
  const span = cursor === null ? undefined : spans[cursor];
  const told = (which: number) =>
    series.flatMap(({ name, values }) => {
      const value = values[which];
      return value == null ? [] : [`${name} ${exact(value)}`];
    });
  const under = (event: PointerEvent | MouseEvent) => {
    const { left, width } = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return spanAt(spans, (event.clientX - left) / width);
  };
  const text = (which: number) => {
    const here = spans[which];
    return here ? `${spanText(here, utc)}: ${told(which).join(", ") || "nothing is known"}` : "";
  };
  return (
    <figure class="chart">
      <Patterns id={pattern} />
      <Legend kind={kind} pattern={pattern} series={series} />
      <div class="chart-plot" style={{ height: `${height}px` }}>
        <div ref={box} class="chart-drawing" role="img" aria-label={gist} />
        {spans.length > 0 && (
          <div
            class="chart-over"
            style={{
              bottom: `${MARGIN.bottom}px`,
              left: `${roomFor({ format, kind, spans, values, whole })}px`,
              right: `${MARGIN.right}px`,
              top: `${MARGIN.top}px`,
            }}
          >
            {span && (
              <Mark
                exact={exact}
                id={pattern}
                kind={kind}
                of={spans}
                series={series}
                span={span}
                utc={utc}
                at={cursor ?? 0}
              />
            )}
            <input
              type="range"
              class="chart-cursor"
              aria-label={`${name}, over time`}
              aria-valuetext={text(cursor ?? spans.length - 1)}
              min={0}
              max={spans.length - 1}
              value={cursor ?? spans.length - 1}
              onInput={(event) => setAt(Number(event.currentTarget.value))}
              onFocus={(event) => {
                if (event.currentTarget.matches(":focus-visible"))
                  setAt((before) => before ?? spans.length - 1);
              }}
              onBlur={() => setAt(null)}
              onPointerMove={(event) => setAt(under(event))}
              onPointerDown={() => {
                touched.current = at;
              }}
              onPointerLeave={(event) => event.pointerType !== "touch" && setAt(null)}
              onClick={(event) => {
                const which = under(event);
                const here = spans[which];
                // A finger reads first, and narrows where it touches the same again.
                const reads =
                  "pointerType" in event && event.pointerType === "touch" && touched.current !== which;
                if (reads) setAt(which);
                else if (here && event.detail > 0) onSpan?.(here);
              }}
              onKeyDown={(event) => {
                if (event.key === "Enter" && span) onSpan?.(span);
                if (event.key === "Escape") setAt(null);
              }}
            />
          </div>
        )}
      </div>
    </figure>
  );
}

function Legend(props: {
  kind: "bars" | "lines";
  pattern: (look: number) => string;
  series: readonly Series[];
}) {
  const { kind, pattern, series } = props;
  return (
    <ul class="chart-legend" aria-label="Legend">
      {series.map(({ choose, look, name, total }) => {
        const sign = <Swatch kind={kind} look={look} pattern={pattern(look)} />;
        const words = (
          <>
            {sign} {name} {total !== undefined && <b>{total}</b>}
          </>
        );
        return (
          <li key={name}>
            {choose ? (
              <button type="button" title={`Only ${name}`} onClick={choose}>
                {words}
              </button>
            ) : (
              <span>{words}</span>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** Marks the span that is pointed at, and tells its values. */
function Mark(props: {
  at: number;
  exact: (value: number) => string;
  id: (look: number) => string;
  kind: "bars" | "lines";
  of: readonly Span[];
  series: readonly Series[];
  span: Span;
  utc: boolean;
}) {
  const { at, exact, id, kind, of, series, span, utc } = props;
  const first = of[0]?.start ?? 0;
  const whole = (of.at(-1)?.end ?? 1) - first;
  const [left, right] = [(span.start - first) / whole, (span.end - first) / whole];
  const place = left > 0.5 ? { right: `${(1 - left) * 100}%` } : { left: `${right * 100}%` };
  return (
    <>
      <div class="chart-mark" style={{ left: `${left * 100}%`, width: `${(right - left) * 100}%` }} />
      <div class="chart-told" aria-hidden="true" style={place}>
        <div class="quiet">{spanText(span, utc)}</div>
        {series.map(({ look, name, values }) => (
          <div key={name} class="chart-told-row">
            <Swatch kind={kind} look={look} pattern={id(look)} />
            <span>{name}</span>
            <b>{values[at] == null ? "–" : exact(values[at])}</b>
          </div>
        ))}
      </div>
    </>
  );
}

/** The span at a share of the width. */
function spanAt(spans: readonly Span[], share: number): number {
  const first = spans[0]?.start ?? 0;
  const moment = first + share * ((spans.at(-1)?.end ?? first) - first);
  const found = spans.findIndex(({ end }) => moment < end);
  return found === -1 ? spans.length - 1 : found;
}

function useWidth(box: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(Math.floor(element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return width;
}
