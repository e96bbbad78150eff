import { api, isAdministrator, type Schema, take } from "@de/api";
import { count, money, Resource, useResource } from "@de/ui";
import { tokensOf } from "../requests/tokens.ts";
import { Card } from "./parts.tsx";

interface Of {
  api_key_id?: string;
  instance_id?: string;
  organization_id?: string;
  project_id?: string;
}

/** What the calls of this month came to, and the way to them. */
export function UsageCard({ of }: { of: Of }) {
  const month = `${new Date().toISOString().slice(0, 7)}-01`;
  const usage = useResource(
    async (signal) => {
      const params = { query: { ...of, from: month } };
      // It is a table only for who asks for one.
      const report = (await take(api.GET("/v1/usage", { params, signal }))) as Schema<"UsageReport">;
      return report.data[0];
    },
    [JSON.stringify(of)],
  );
  const requests = `/requests?${new URLSearchParams({ ...of, from: `${month}T00:00` })}`;
  return (
    <Card title="This month" actions={<a href={requests}>Requests</a>}>
      <Resource of={usage}>
        {(sum) => {
          const { made, read } = sum ? tokensOf(sum) : { made: 0, read: 0 };
          return (
            <>
              <dl class="month">
                <Figure name="Requests" value={count(sum?.requests ?? 0)} />
                <Figure name="Errors" value={count(sum?.errors ?? 0)} />
                <Figure name="Tokens" value={count(read + made)} />
                <Figure name="Spend" value={money(sum?.cost_micros ?? 0)} />
              </dl>
              {(sum?.requests ?? 0) === 0 && <p class="quiet">No call yet since the month began (UTC).</p>}
              {of.organization_id && !isAdministrator.value && (
                <p class="quiet">Of the instances that you may see.</p>
              )}
              {(sum?.unpriced ?? 0) > 0 && (
                <p class="quiet">
                  {count(sum?.unpriced ?? 0)} of them used something that has no price, so more was spent.
                </p>
              )}
            </>
          );
        }}
      </Resource>
    </Card>
  );
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
