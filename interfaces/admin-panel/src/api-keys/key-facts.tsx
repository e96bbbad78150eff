import type { Schema } from "@de/api";
import { Time } from "@de/ui";
import { Card, Changed, Facts, Id, Lines, None } from "../tenants/parts.tsx";
import { useMay } from "../tenants/standing.ts";
import { Owner, Tags } from "./columns.tsx";
import { Expiry } from "./key-state.tsx";
import { useOwners } from "./owners.ts";

/** What a key is, and what it is bound to. */
export function KeyFacts({ row }: { row: Schema<"ApiKeyShown"> }) {
  const owners = useOwners();
  const may = useMay();
  const place = { instance: row.instance_id, organization: row.organization_id };
  const models = row.allowed_models;
  return (
    <Card title="Key">
      <Facts
        of={[
          ["Id", <Id key="id">{row.id}</Id>],
          ["Belongs to", <Owner key="owner" of={row} {...owners} />],
          ["Scopes", <Tags key="scopes" words={row.scopes} />],
          [
            "Models",
            models === null ? (
              "all"
            ) : (
              <Lines key="models" none="none: it calls no model" of={models}>
                {(id) => (
                  <a href={`/models/${encodeURIComponent(id)}`}>
                    <code>{id}</code>
                  </a>
                )}
              </Lines>
            ),
          ],
          [
            "Origins",
            <Lines key="origins" none="pages of any origin" of={row.allowed_origins}>
              {(origin) => <code>{origin}</code>}
            </Lines>,
          ],
          [
            "Addresses",
            <Lines key="addresses" none="any address" of={row.allowed_addresses}>
              {(address) => <code>{address}</code>}
            </Lines>,
          ],
          ["Expires", <Expiry key="expires" of={row} />],
          ["Last used", row.last_used_at ? <Time key="used" at={row.last_used_at} /> : <None>never</None>],
          ["Created", <Time key="created" at={row.created_at} />],
          ["Changed", <Changed key="changed" row={row} seesAudit={may("audit.see", place)} />],
        ]}
      />
    </Card>
  );
}
