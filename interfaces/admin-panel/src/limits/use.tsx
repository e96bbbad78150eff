import type { Schema } from "@de/api";
import { count, money, Tag, Time } from "@de/ui";
import { type Budgets, KINDS, type Limits, PERIOD_WORDS } from "./scopes.ts";

type LimitUse = Schema<"LimitUse">;

interface MeterProps {
  label: string;
  /** Shares from which on it is told as near its end, and as at its end. */
  near?: number;
  of: number;
  used: number;
}

/** How much of something is used, as a bar. Where nothing is allowed it is full. */
export function Meter({ label, near = 0.8, of, used }: MeterProps) {
  const share = of === 0 ? 1 : Math.min(used / of, 1);
  const tone = share >= 1 ? "bad" : share >= near ? "warn" : undefined;
  return (
    <div
      class="bar"
      data-tone={tone}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={Math.max(of, 1)}
      aria-valuenow={of === 0 ? 1 : Math.min(used, of)}
    >
      <span style={{ width: `${share * 100}%` }} />
    </div>
  );
}

/** Each limit that holds for a scope, with what counts against it now. */
export function LimitUses({ of }: { of: Limits }) {
  const usage = (of.usage ?? {}) as Record<string, LimitUse | undefined>;
  const shown = KINDS.filter(([name]) => usage[name] !== undefined || of[name] !== null);
  return (
    <ul class="uses">
      {shown.map(([name, words]) => {
        const use = usage[name];
        const limit = use?.limit ?? of[name] ?? 0;
        return (
          <li key={name}>
            <div class="use-words">
              <span>
                {use ? count(use.used) : "?"} <span class="quiet">of {count(limit)}</span> {words}
              </span>
              {(use?.shadow ?? of.shadow) && <Tag>on trial</Tag>}
              {use && use.unsettled > 0 && <Tag>{count(use.unsettled)} unsettled</Tag>}
            </div>
            {use && <Meter label={words} of={limit} used={use.used} />}
          </li>
        );
      })}
      {of.notice && <li class="quiet small">{of.notice}</li>}
    </ul>
  );
}

/** Each budget of a scope, with what is spent and held of it. */
export function BudgetUses({ of }: { of: Budgets }) {
  return (
    <ul class="uses">
      {of.budgets.map(({ alerts, amount_micros, period, shadow, usage }) => (
        <li key={period}>
          <div class="use-words">
            <span>
              {usage ? money(usage.used_micros) : "?"} <span class="quiet">of {money(amount_micros)}</span>{" "}
              {PERIOD_WORDS[period]}
            </span>
            {shadow && <Tag>on trial</Tag>}
            {usage && usage.unsettled_micros > 0 && <Tag>{money(usage.unsettled_micros)} unsettled</Tag>}
          </div>
          {usage && (
            <Meter
              label={`Budget ${PERIOD_WORDS[period]}`}
              near={nearest(alerts)}
              of={amount_micros}
              used={usage.used_micros}
            />
          )}
          {usage?.resets_at && (
            <span class="quiet small">
              begins anew <Time at={usage.resets_at} />
            </span>
          )}
        </li>
      ))}
      {of.notice && <li class="quiet small">{of.notice}</li>}
    </ul>
  );
}

/** The last threshold before the end. */
function nearest(alerts: readonly number[]): number {
  const below = alerts.filter((percent) => percent < 100);
  return below.length === 0 ? 0.8 : Math.max(...below) / 100;
}
