interface SparklineProps {
  /** What is drawn, for who hears it: `Requests by hour`. */
  label: string;
  /** How one value is told. */
  tell: (value: number) => string;
  tone?: "bad" | "plain";
  /** By hour, the last one last; null where nothing is known. */
  values: readonly (number | null)[];
}

const HEIGHT = 28;

/** Some values over time, small beside the figure that they belong to. */
export function Sparkline({ label, tell, tone = "plain", values }: SparklineProps) {
  const known = values.filter((value) => value !== null);
  const most = Math.max(...known, 0);
  const width = 100 / Math.max(values.length, 1);
  const gist =
    known.length === 0
      ? "nothing is known"
      : `at most ${tell(most)}, in the hour that runs ${tell(known.at(-1) ?? 0)}`;
  return (
    <svg
      class="sparkline"
      data-tone={tone}
      viewBox={`0 0 100 ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${label}, the last ${values.length} hours: ${gist}`}
    >
      {values.map((value, index) => {
        const height = value === null || most === 0 ? 0 : (value / most) * HEIGHT;
        const shown = value ? Math.max(height, 1.5) : 0.75;
        const x = index * width;
        return (
          <rect
            key={x}
            data-empty={!value}
            x={x + width * 0.1}
            y={HEIGHT - shown}
            width={width * 0.8}
            height={shown}
          />
        );
      })}
    </svg>
  );
}
