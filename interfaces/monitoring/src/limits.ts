import { api, readAll, type Schema, take } from "@de/api";

type Scoped = Schema<"Budgets"> | Schema<"Limits">;
type Narrowed = { instance_id: string } | { organization_id: string; scope: "organization" };

/** How much of one limit or budget is used. */
export interface Use {
  /** What of it is held for calls under way, or of which nobody knows what became. */
  held: number;
  isMoney: boolean;
  /** `requests_per_minute`, or `budget_per_month`. */
  kind: string;
  limit: number;
  /** Why its use is not known. */
  notice: string | null;
  resetsAt: string | null;
  scope: string;
  scopeId: string;
  shadow: boolean;
  /** Null where the Limiter does not answer. */
  used: number | null;
}

/** Pages of 200 that are read at most. */
const PAGES = 5;

const KINDS = [
  "requests_per_minute",
  "requests_per_hour",
  "requests_per_day",
  "tokens_per_minute",
  "tokens_per_hour",
  "tokens_per_day",
  "concurrent",
] as const;

/** All limits and budgets that hold in an instance, those of its organization too, the most used first. */
export async function usesOf(
  instance: string,
  organization: string | undefined,
  signal: AbortSignal,
): Promise<{ isCut: boolean; uses: Use[] }> {
  const whose: Narrowed[] = [{ instance_id: instance }];
  if (organization !== undefined) whose.push({ organization_id: organization, scope: "organization" });
  const lists = await Promise.all(
    whose.flatMap((narrowed) => [
      readAll(
        (page) => take(api.GET("/v1/limits", { params: { query: { ...narrowed, ...page } }, signal })),
        PAGES,
      ),
      readAll(
        (page) => take(api.GET("/v1/budgets", { params: { query: { ...narrowed, ...page } }, signal })),
        PAGES,
      ),
    ]),
  );
  const seen = new Map<string, Use>();
  for (const use of lists.flatMap(({ rows }) => rows.flatMap((row: Scoped) => usesOfOne(row)))) {
    seen.set(`${use.scope} ${use.scopeId} ${use.kind}`, use);
  }
  const uses = [...seen.values()].toSorted(
    (a, b) => shareOf(b) - shareOf(a) || a.scopeId.localeCompare(b.scopeId) || a.kind.localeCompare(b.kind),
  );
  return { isCut: lists.some(({ isCut }) => isCut), uses };
}

/** The used share; nothing where it is not known. */
export function shareOf({ limit, used }: Use): number {
  if (used === null) return -1;
  return limit === 0 ? 1 : used / limit;
}

function usesOfOne(row: Scoped): Use[] {
  const { notice, scope, scope_id: scopeId } = row;
  const common = { notice: notice ?? null, scope, scopeId };
  if ("budgets" in row) {
    return row.budgets.map(({ amount_micros, period, shadow, usage }) => ({
      ...common,
      held: (usage?.held_micros ?? 0) + (usage?.unsettled_micros ?? 0),
      isMoney: true,
      kind: period === "total" ? "budget_total" : `budget_per_${period}`,
      limit: amount_micros,
      resetsAt: usage?.resets_at ?? null,
      shadow,
      used: usage?.used_micros ?? null,
    }));
  }
  return KINDS.flatMap((kind): Use[] => {
    const use = row.usage?.[kind];
    const limit = use?.limit ?? row[kind] ?? row.from_model_config?.[kind as "concurrent"];
    if (limit == null) return [];
    return [
      {
        ...common,
        held: (use?.held ?? 0) + (use?.unsettled ?? 0),
        isMoney: false,
        kind,
        limit,
        resetsAt: use?.resets_at ?? null,
        shadow: use?.shadow ?? row.shadow,
        used: use?.used ?? null,
      },
    ];
  });
}
