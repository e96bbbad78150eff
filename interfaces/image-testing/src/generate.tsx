import { instance, person } from "@de/api";
import { Fault, later, Page, useQuery } from "@de/ui";
import { useEffect, useMemo } from "preact/hooks";
import { useImageModels } from "./models.ts";
import { OrderForm } from "./order-form.tsx";
import { RunList, RunView } from "./run-view.tsx";
import { openRuns, runs } from "./runs.ts";

const AssetDialog = later(() => import("./asset-dialog.tsx"));
const CodeDialog = later(() => import("./code-dialog.tsx"));
const ReceiptDialog = later(async () => ({ default: (await import("@de/ui/receipt")).ReceiptDialog }));

/** Pictures are ordered of several models, and come beside one another. */
export default function Generate({ usual }: { usual: string | null }) {
  const [query, change] = useQuery();
  const models = useImageModels();
  const owner = `${person.value?.id}/${instance.value}`;
  useMemo(() => openRuns(owner), [owner]);
  const list = runs.value;
  const run = list.find(({ id }) => id === query.run) ?? (query.run ? undefined : list[0]);
  useEffect(() => {
    document.title = "Image testing · Distributed Electrons";
  }, []);
  return (
    <Page title="Image testing" lead="Ask several models for the same: pictures, time and cost side by side.">
      {models.error ? <Fault error={models.error} retry={() => void models.reload()} /> : null}
      <div class="bench">
        <OrderForm all={models.data} usual={usual} />
        <div class="bench-main">
          {run ? (
            <RunView key={run.id} run={run} models={models.data ?? []} />
          ) : (
            <div class="empty">
              <h2>{query.run ? "This browser does not know that order" : "Nothing has been ordered yet"}</h2>
              <p>
                {query.run
                  ? "Its pictures are in the gallery, if it is of this instance."
                  : "Write a prompt and choose models. Each order is really made, and billed."}
              </p>
            </div>
          )}
          <RunList list={list} open={run?.id} />
        </div>
      </div>
      {query.asset && <AssetDialog id={query.asset} onClose={() => change({ asset: null })} />}
      {query.call && (
        <CodeDialog
          id={query.call}
          models={models.data ?? []}
          run={run}
          onClose={() => change({ call: null, lang: null, of: null })}
        />
      )}
      {query.receipt && <ReceiptDialog id={query.receipt} onClose={() => change({ receipt: null })} />}
    </Page>
  );
}
