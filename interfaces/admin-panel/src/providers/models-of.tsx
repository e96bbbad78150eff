import { Badge, LinkButton, Resource, Table, useResource } from "@de/ui";
import { priceWords } from "../models/price.ts";
import { isReadable, loadModels, modelHref } from "../models/rows.ts";

/** The models that one vendor serves. */
export function ModelsOf({ id }: { id: string }) {
  const models = useResource(
    async (signal) => (await loadModels(signal)).filter(isReadable).filter((one) => one.provider_id === id),
    [id],
  );
  return (
    <section class="form" aria-label="Models">
      <div class="card-head">
        <h2>Models</h2>
        <LinkButton size="small" href={`/models/new?provider_id=${encodeURIComponent(id)}`}>
          New model
        </LinkButton>
      </div>
      <Resource
        of={models}
        isEmpty={(rows) => rows.length === 0}
        empty={
          <>
            <h3>No model yet</h3>
            <p>Nothing is called here until a model names this provider.</p>
          </>
        }
      >
        {(rows) => (
          <Table
            caption="Models of this provider"
            id={(row) => `${row.organization_id ?? ""}/${row.model_id}`}
            rows={rows}
            columns={[
              {
                cell: (row) => (
                  <a href={modelHref(row)}>
                    <code>{row.model_id}</code>
                  </a>
                ),
                head: "Model",
              },
              { cell: (row) => row.display_name, head: "Name" },
              { cell: (row) => <Badge>{row.status}</Badge>, head: "Status" },
              {
                cell: (row) => priceWords(row.pricing) ?? <span class="quiet">no price</span>,
                head: "Price",
              },
            ]}
          />
        )}
      </Resource>
    </section>
  );
}
