import "../limits/limits.css";
import "./overview.css";
import { instance, isOperator } from "@de/api";
import { FilterSelect, Page, useInstances, useQuery } from "@de/ui";
import { Attention } from "./attention.tsx";
import { Figures } from "./figures.tsx";
import { LastFailures, ModelsToday } from "./today.tsx";
import { Unfinished } from "./unfinished.tsx";

/** Of what the overview is: one instance, or all that one may see. */
export interface View {
  instance: string | null;
  /** Whose limits and budgets are looked at. */
  organization: string | null;
}

/** Requests, errors and money of today, and what somebody should look at. */
export function Overview() {
  const [query] = useQuery();
  const instances = useInstances();
  const list = instances.data ?? [];
  const isAll = query.instance_id === "all";
  const shown = isAll ? null : (query.instance_id ?? instance.value);
  const acting = list.find(({ id }) => id === instance.value) ?? list[0];
  const organization = (list.find(({ id }) => id === shown) ?? acting)?.organization_id ?? null;
  const view: View = { instance: shown, organization };
  const name = list.find(({ id }) => id === shown)?.name;
  return (
    <Page
      title="Overview"
      lead={isAll ? "Today in UTC, of all instances." : `Today in UTC${name ? `, of ${name}` : ""}.`}
      actions={
        list.length > 1 && (
          <div class="filters">
            <FilterSelect
              label="Shown"
              name="instance_id"
              all="The instance at the side"
              options={[
                ["all", isOperator.value ? "All instances" : "All that I may see"],
                ...list.map(({ id, name }) => [id, name] as const),
              ]}
            />
          </div>
        )
      }
    >
      {instances.data && (
        <>
          <Unfinished instance={shown} />
          <Figures view={view} />
          <Attention view={view} />
          <div class="halves">
            <ModelsToday view={view} />
            <LastFailures view={view} />
          </div>
        </>
      )}
    </Page>
  );
}
