import type { Schema } from "@de/api";
import { count, Tag, Time } from "@de/ui";
import { Card, Facts, Id, None } from "./parts.tsx";

const FAILURE: Record<string, string> = {
  allow: "calls are let through",
  refuse: "calls are refused",
};

/** How an instance is set up. */
export function InstanceFacts({ organization, row }: { organization: string; row: Schema<"Instance"> }) {
  const { allowed_origins: origins, default_max_output_tokens: bound, retention_days: days } = row;
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
            origins.length === 0 ? (
              <None>none: pages need a key that names theirs</None>
            ) : (
              <ul class="lines">
                {origins.map((origin) => (
                  <li key={origin}>
                    <code>{origin}</code>
                  </li>
                ))}
              </ul>
            ),
          ],
          ["Retention", days === null ? "media are kept until they are deleted" : `${count(days)} days`],
          ["Output bound", bound === null ? <None>that of each model</None> : `${count(bound)} tokens`],
          ["When the Limiter fails", FAILURE[row.on_limiter_failure] ?? row.on_limiter_failure],
          ["Created", <Time key="created" at={row.created_at} />],
          ["Changed", <Time key="changed" at={row.updated_at} />],
        ]}
      />
    </Card>
  );
}
