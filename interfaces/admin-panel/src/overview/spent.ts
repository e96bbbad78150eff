import type { Schema } from "@de/api";
import { count, money } from "@de/ui";
import { KINDS, namesOf, PERIOD_WORDS, type Row, rowsOf } from "../limits/scopes.ts";
import type { Finding } from "./findings.ts";
import type { View } from "./overview.tsx";

/** Budgets that are nearly spent, limits that let nobody in, and money that nobody can settle. */
export async function limits(view: View, signal: AbortSignal): Promise<Finding[]> {
  if (view.organization === null) return [];
  const { rows } = await rowsOf({ organization_id: view.organization }, signal);
  const shown = rows.filter(
    ({ place }) =>
      view.instance === null ||
      place.scope === "organization" ||
      place.instance === view.instance ||
      place.id === view.instance,
  );
  const found = (name: (id: string) => string) =>
    shown.flatMap((row) => [...ofBudgets(row, name), ...ofLimits(row, name)]);
  if (found(String).length === 0) return [];
  const names = await namesOf(shown, signal);
  return found((id) => names.get(id) ?? id);
}

function edit({ place }: Row, tab: "budgets" | "limits"): string {
  const query = new URLSearchParams({ edit: place.scope, edit_id: place.id, tab });
  if (place.instance) query.set("edit_instance", place.instance);
  return `/limits?${query}`;
}

function ofBudgets(row: Row, name: (id: string) => string): Finding[] {
  const { id, scope } = row.place;
  const who = `${scope} ${name(id)}`;
  return (row.budgets?.budgets ?? []).flatMap((budget) => {
    const { alerts, amount_micros, period, shadow, usage } = budget;
    if (!usage) return [];
    const near = (alerts.filter((percent) => percent < 100).at(-1) ?? 80) / 100;
    const findings: Finding[] = [];
    const usual = { action: "The budget", href: edit(row, "budgets") };
    if (usage.used_micros >= amount_micros * near) {
      const isSpent = usage.remaining_micros <= 0;
      findings.push({
        ...usual,
        detail: `${money(usage.used_micros)} of ${money(amount_micros)} ${PERIOD_WORDS[period]}${shadow ? ", on trial" : ""}.`,
        id: `budget/${scope}/${id}/${period}`,
        title: `The budget of ${who} is ${isSpent ? "spent" : "nearly spent"}`,
        tone: isSpent && !shadow ? "bad" : "warn",
      });
    }
    if (usage.unsettled_micros > 0) {
      findings.push({
        ...usual,
        detail: "Nobody knows what became of the calls that hold it: it may have been billed.",
        id: `unsettled/${scope}/${id}/${period}`,
        title: `${money(usage.unsettled_micros)} of ${who} is not settled`,
        tone: "warn",
      });
    }
    return findings;
  });
}

function ofLimits(row: Row, name: (id: string) => string): Finding[] {
  const { id, scope } = row.place;
  const who = `${scope} ${name(id)}`;
  const usage = (row.limits?.usage ?? {}) as Record<string, Schema<"LimitUse"> | undefined>;
  return KINDS.flatMap(([kind, words]) => {
    const use = usage[kind];
    if (!use || use.shadow || use.remaining > 0) return [];
    return [
      {
        action: "The limit",
        detail: `${count(use.used)} of ${count(use.limit)} ${words}: calls are refused with 429.`,
        href: edit(row, "limits"),
        id: `limit/${scope}/${id}/${kind}`,
        title: `A limit of ${who} is used up`,
        tone: "bad" as const,
      },
    ];
  });
}
