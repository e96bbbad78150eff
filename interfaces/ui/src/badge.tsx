import type { ComponentChildren } from "preact";

/** How good or bad a word of state is. */
export type Tone = "bad" | "good" | "plain" | "warn";

const TONES: Record<string, Tone> = {
  active: "good",
  cancelled: "plain",
  connected: "good",
  cut: "warn",
  delivered: "good",
  degraded: "warn",
  deprecated: "warn",
  disabled: "plain",
  down: "bad",
  draft: "plain",
  expired: "bad",
  failed: "bad",
  failing: "bad",
  healthy: "good",
  not_deployed: "plain",
  not_ready: "bad",
  ok: "good",
  pending: "warn",
  ready: "good",
  revoked: "bad",
  succeeded: "good",
  unreachable: "bad",
  up: "good",
};

/** The tone of one of the API's words of state; plain for those without a judgement. */
export function toneOf(word: string): Tone {
  return TONES[word] ?? "plain";
}

/** A word of state. It is told by the word, never by the colour alone. */
export function Badge({ children, tone }: { children: string; tone?: Tone }) {
  return (
    <span class="badge" data-tone={tone ?? toneOf(children)}>
      {children.replaceAll("_", " ")}
    </span>
  );
}

/** One of several words that describe a thing. */
export function Tag({ children }: { children: ComponentChildren }) {
  return <span class="tag">{children}</span>;
}
