import { dashes, ink } from "./draw.ts";

/** What bars are filled with: a colour, and a pattern for who does not tell colours apart. */
export function Patterns({ id }: { id: (look: number) => string }) {
  return (
    <svg class="chart-patterns" aria-hidden="true">
      <defs>
        <Pattern id={id(1)} look={1} d="M0 0h6v6H0z" solid />
        <Pattern id={id(2)} look={2} d="M-1 1 1 -1M0 6 6 0M5 7 7 5" />
        <Pattern id={id(3)} look={3} d="M0 0h3v3H0zM3 3h3v3H3z" solid />
        <Pattern id={id(4)} look={4} d="M0 1.5h6M0 4.5h6" />
        <Pattern id={id(5)} look={5} d="M-1 -1 7 7M-1 5 1 7M5 -1 7 1" />
        <Pattern id={id(6)} look={6} d="M1.5 0v6M4.5 0v6" />
      </defs>
    </svg>
  );
}

function Pattern(props: { d: string; id: string; look: number; solid?: boolean }) {
  const { d, id, look, solid } = props;
  return (
    <pattern id={id} width="6" height="6" patternUnits="userSpaceOnUse">
      <rect width="6" height="6" fill={ink(look)} fill-opacity="0.35" />
      <path d={d} fill={solid ? ink(look) : "none"} stroke={solid ? "none" : ink(look)} stroke-width="1.5" />
    </pattern>
  );
}

/** A piece of a bar or of a line, as it looks in the chart. */
export function Swatch({ kind, look, pattern }: { kind: "bars" | "lines"; look: number; pattern: string }) {
  return (
    <svg class="chart-swatch" width="18" height="10" aria-hidden="true">
      {kind === "bars" ? (
        <rect x="3" width="12" height="10" rx="2" fill={`url(#${pattern})`} stroke={ink(look)} />
      ) : (
        <line x2="18" y1="5" y2="5" stroke={ink(look)} stroke-width="2" stroke-dasharray={dashes(look)} />
      )}
    </svg>
  );
}
