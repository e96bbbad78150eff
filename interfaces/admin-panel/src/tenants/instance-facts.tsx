import { api, type Schema, take, useInstance } from "@de/api";
import { count, Tag, Time, useResource } from "@de/ui";
import { Card, Changed, Facts, Id, Lines, None } from "./parts.tsx";
import { useMay } from "./standing.ts";

const FAILURE: Record<string, string> = {
  allow: "calls are let through",
  refuse: "calls are refused",
};

/** How an instance is set up. */
export function InstanceFacts({ organization, row }: { organization: string; row: Schema<"Instance"> }) {
  const { allowed_origins: origins, default_max_output_tokens: bound, retention_days: days } = row;
  const may = useMay();
  const place = { instance: row.id, organization: row.organization_id };
  const defaults = Object.entries(row.default_models);
  return (
    <Card title="Set-up">
      <Facts
        of={[
          ["Id", <Id key="id">{row.id}</Id>],
          [
            "Organization",
            <a key="organization" href={`/organizations/${row.organization_id}`}>
              {organization}
            </a>,
          ],
          ["Environment", <Tag key="environment">{row.environment}</Tag>],
          [
            "Default models",
            defaults.length === 0 ? (
              <None>none: each call names one</None>
            ) : (
              <ul class="lines">
                {defaults.map(([kind, model]) => (
                  <li key={kind}>
                    <span class="quiet">{kind}</span>{" "}
                    <a href={`/models/${encodeURIComponent(String(model))}`}>{String(model)}</a>
                  </li>
                ))}
              </ul>
            ),
          ],
          [
            "Allowed origins",
            <Lines key="origins" none="none: pages need a key that names theirs" of={origins}>
              {(origin) => <code>{origin}</code>}
            </Lines>,
          ],
          ["Retention", days === null ? "media are kept until they are deleted" : `${count(days)} days`],
          ["Output bound", bound === null ? <None>that of each model</None> : `${count(bound)} tokens`],
          ["When the Limiter fails", FAILURE[row.on_limiter_failure] ?? row.on_limiter_failure],
          ...(may("key.see", place)
            ? [
                ["Provider keys", <ProviderKeys key="keys" row={row} />] as const,
                [
                  "Webhooks",
                  <a key="webhooks" href={`/webhooks?instance_id=${row.id}`}>
                    Those of this instance
                  </a>,
                ] as const,
              ]
            : []),
          ["Created", <Time key="created" at={row.created_at} />],
          ["Changed", <Changed key="changed" row={row} seesAudit={may("audit.see", place)} />],
        ]}
      />
    </Card>
  );
}

/** For how many vendors there is a key, and the way to them: that page is of the instance that one acts for. */
function ProviderKeys({ row }: { row: Schema<"Instance"> }) {
  const keys = useResource(
    async (signal) => {
      const params = { query: { instance_id: row.id, limit: 200 } };
      return (await take(api.GET("/v1/provider-keys", { params, signal }))).data.length;
    },
    [row.id],
  );
  const many = keys.data;
  return (
    <a href="/provider-keys" onClick={() => useInstance(row.id)}>
      {many === undefined ? "Those that are saved" : many === 0 ? "None: put one" : `${count(many)} saved`}
    </a>
  );
}
