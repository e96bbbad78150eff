import { api, type Schema, take } from "@de/api";
import { Badge, count, every, money, Resource, Time, useResource } from "@de/ui";
import { Card, None } from "./parts.tsx";

interface Of {
  /** Of a key, where it is limited: that of a person is in each instance by itself. */
  instance?: string | undefined;
  id: string;
  scope: "instance" | "key" | "organization" | "project";
}

/** The limits and budgets of one scope with what is used of them, and the way to change them. */
export function LimitsCard({ of }: { of: Of }) {
  const { id, instance, scope } = of;
  const known = useResource(
    async (signal) => {
      const params = { path: { id, scope }, query: instance ? { instance_id: instance } : {} };
      const [limits, budgets] = await Promise.all([
        take(api.GET("/v1/limits/{scope}/{id}", { params, signal })),
        take(api.GET("/v1/budgets/{scope}/{id}", { params, signal })),
      ]);
      return { budgets, limits };
    },
    [scope, id, instance],
    every,
  );
  const query = new URLSearchParams({ scope, scope_id: id, ...(instance && { instance_id: instance }) });
  return (
    <Card title="Limits and budgets" actions={<a href={`/limits?${query}`}>Limits and budgets</a>}>
      <Resource of={known}>
        {({ budgets, limits }) => {
          const uses = Object.entries(limits.usage ?? {});
          const nothing = uses.length === 0 && budgets.budgets.length === 0;
          return (
            <>
              {limits.usage === null && (
                <p class="quiet">What is used is not known: the Limiter did not answer.</p>
              )}
              {nothing && limits.usage !== null && (
                <p class="quiet">
                  None of its own. {scope !== "organization" && "Those above it still hold."}
                </p>
              )}
              <div class="own-limits">
                {uses.map(([name, use]) => (
                  <LimitUse key={name} name={name} use={use} />
                ))}
                {budgets.budgets.map((budget) => (
                  <BudgetUse key={budget.period} budget={budget} />
                ))}
              </div>
            </>
          );
        }}
      </Resource>
    </Card>
  );
}

function LimitUse({ name, use }: { name: string; use: Schema<"LimitUse"> }) {
  const words = name.replaceAll("_", " ");
  return (
    <Use
      name={words.charAt(0).toUpperCase() + words.slice(1)}
      isShadow={use.shadow}
      share={use.limit === 0 ? 1 : use.used / use.limit}
      text={`${count(use.used)} of ${count(use.limit)}`}
    />
  );
}

function BudgetUse({ budget }: { budget: Schema<"Budget"> }) {
  const { amount_micros, period, shadow, usage } = budget;
  const used = usage?.used_micros;
  return (
    <Use
      name={period === "total" ? "Budget in total" : `Budget a ${period}`}
      isShadow={shadow}
      share={used === undefined ? null : amount_micros === 0 ? 1 : used / amount_micros}
      text={`${used === undefined ? "?" : money(used)} of ${money(amount_micros)}`}
    >
      {usage?.resets_at ? (
        <span class="quiet small">
          begins anew <Time at={usage.resets_at} />
        </span>
      ) : null}
    </Use>
  );
}

function Use(props: {
  children?: preact.ComponentChildren;
  isShadow: boolean;
  name: string;
  share: number | null;
  text: string;
}) {
  const { children, isShadow, name, share, text } = props;
  const tone = share === null || share < 0.8 ? "plain" : share < 1 ? "warn" : "bad";
  return (
    <div class="own-limit">
      <div class="own-limit-line">
        <span>
          {name} {isShadow && <Badge tone="plain">shadow</Badge>}
        </span>
        {share === null ? <None>unknown</None> : <span>{text}</span>}
      </div>
      {share !== null && (
        <div
          class="bar"
          data-tone={tone}
          role="meter"
          aria-label={name}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.min(100, Math.round(share * 100))}
          aria-valuetext={text}
        >
          <span style={{ width: `${Math.min(100, share * 100)}%` }} />
        </div>
      )}
      {children}
    </div>
  );
}
