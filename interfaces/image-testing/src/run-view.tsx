import { Button, Time, useQuery } from "@de/ui";
import { JobCard } from "./job-card.tsx";
import type { ImageModel } from "./models.ts";
import { forget, type Run } from "./runs.ts";

/** One order: what each model makes of it. */
export function RunView({ models, run }: { models: readonly ImageModel[]; run: Run }) {
  return (
    <section class="run" aria-label="Order in sight">
      <header>
        <p class="said">{run.prompt}</p>
        <p class="quiet small">
          <Time at={run.at} />
        </p>
      </header>
      <div class="cards-wide">
        {run.items.map((item) => (
          <JobCard
            key={item.model}
            run={run}
            item={item}
            name={models.find(({ id }) => id === item.model)?.name ?? item.model}
          />
        ))}
      </div>
    </section>
  );
}

/** The orders that this browser remembers. */
export function RunList({ list, open }: { list: readonly Run[]; open: string | undefined }) {
  const [, change] = useQuery();
  if (list.length < 2) return null;
  return (
    <section class="card" aria-label="Orders">
      <h2>Orders</h2>
      <ul class="orders">
        {list.map((run) => (
          <li key={run.id} aria-current={run.id === open || undefined}>
            <button type="button" class="link" onClick={() => change({ run: run.id })}>
              {run.prompt.length > 90 ? `${run.prompt.slice(0, 89)}…` : run.prompt}
            </button>
            <span class="quiet small">
              {run.items.map(({ model }) => model).join(", ")} · <Time at={run.at} />
            </span>
            <Button
              size="small"
              kind="plain"
              aria-label={`Forget ${run.prompt}`}
              onClick={() => forget(run.id)}
            >
              Forget
            </Button>
          </li>
        ))}
      </ul>
      <p class="quiet small">This browser remembers the last 20. Their pictures stay in the gallery.</p>
    </section>
  );
}
