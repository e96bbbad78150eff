import { signal } from "@preact/signals";

/** The moment that relative times are told from; it moves on its own. */
const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 5_000);
document.addEventListener("visibilitychange", () => {
  now.value = Date.now();
});

const words = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });
const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** A moment, told from now; the exact one when it is pointed at. Without a moment a dash. */
export function Time({ at }: { at: number | string | null | undefined }) {
  if (at === null || at === undefined) return <span class="quiet">–</span>;
  const moment = new Date(at);
  return (
    <time class="nowrap" dateTime={moment.toISOString()} title={exact.format(moment)}>
      {relative(moment.getTime() - now.value)}
    </time>
  );
}

function relative(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (Math.abs(seconds) < 5) return "now";
  const [unit, size] = STEPS.find(([, size]) => Math.abs(seconds) >= size) ?? (["second", 1] as const);
  return words.format(Math.trunc(seconds / size), unit);
}
