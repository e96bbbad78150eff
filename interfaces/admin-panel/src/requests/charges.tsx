import { api, type Schema, take } from "@de/api";
import { count, money, Note, Resource, Table, useResource } from "@de/ui";
import { type Charge, chargesOf } from "./prices.ts";
import { ofReached } from "./reached.ts";

type Receipt = Schema<"ReceiptShown">;

/** What was used, by class, and what it came to at the prices that held then. */
export function Charges({ receipt }: { receipt: Receipt }) {
  const { model_id, price } = receipt;
  const config = useResource(
    async (signal) => {
      if (!model_id || !price) return null;
      const path = { id: model_id, version: price.version };
      const version = ofReached(receipt, (query) =>
        take(api.GET("/v1/model-configs/{id}/versions/{version}", { params: { path, query }, signal })),
      );
      return version.catch(() => null);
    },
    [model_id, price?.version],
  );
  return (
    <Resource of={config}>
      {(version) => {
        const pricing = (version as { config?: { pricing?: Schema<"Pricing"> } } | null)?.config?.pricing;
        return <Bill receipt={receipt} charges={chargesOf(receipt.usage, pricing ?? null)} />;
      }}
    </Resource>
  );
}

function Bill({ charges, receipt }: { charges: readonly Charge[]; receipt: Receipt }) {
  const { cost_micros, usage } = receipt;
  const listed = charges.reduce((sum, { micros }) => sum + (micros ?? 0), 0);
  const isOther = cost_micros !== null && Math.abs(listed - cost_micros) > 1 && charges.length > 0;
  return (
    <>
      {receipt.estimated && <Note tone="warn">The vendor named no counts: they are our estimate.</Note>}
      {receipt.over_ceiling && (
        <Note tone="warn">The vendor counted more than was reserved. All of it is booked.</Note>
      )}
      {receipt.limiter_bypassed && (
        <Note tone="warn">The Limiter did not answer, and the instance lets calls through then.</Note>
      )}
      {receipt.cached && (
        <Note>Answered from the response cache: no vendor was asked, nothing is billed.</Note>
      )}
      {charges.length === 0 && <p class="quiet">Nothing that is billed was used.</p>}
      {charges.length > 0 && (
        <Table
          caption="Charges"
          id={({ name }) => name}
          rows={charges}
          columns={[
            {
              cell: ({ name }) => (
                <>
                  {name}
                  {name === "Output" && usage.reasoning_tokens > 0 && (
                    <span class="quiet small"> of it {count(usage.reasoning_tokens)} reasoning</span>
                  )}
                </>
              ),
              head: "Class",
            },
            { cell: ({ units }) => count(units), head: "Units", isNumber: true },
            {
              cell: ({ per, price }) =>
                price === null ? (
                  <span class="quiet">–</span>
                ) : (
                  <span class="nowrap">
                    {money(price)} / {per}
                  </span>
                ),
              head: "List price",
              isNumber: true,
            },
            {
              cell: ({ micros }) => (micros === null ? <span class="quiet">–</span> : money(micros)),
              head: "Amount",
              isNumber: true,
            },
          ]}
          foot={
            <>
              <span>Charged</span>
              <strong class="charged">{cost_micros === null ? "no price" : money(cost_micros)}</strong>
            </>
          }
        />
      )}
      <p class="quiet small">
        {charges.length === 0 && cost_micros !== null && `Charged: ${money(cost_micros)}. `}
        {receipt.price ? `Prices of version ${receipt.price.version} of the model.` : "No price was taken."}
        {isOther &&
          " What is charged is not the sum at list prices: another tier, or more than one try, is in it."}
        {cost_micros === null && " Something that was used has no price, so nobody knows what it cost."}
      </p>
    </>
  );
}
