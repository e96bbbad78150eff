import { api, isOperator, take } from "@de/api";
import { Button, FilterSelect, FilterText, useInstances, useQuery, useResource } from "@de/ui";
import { RANGES } from "./range.ts";

/** What narrows both the list and what is heard of calls as they end. */
export const SHARED = [
  "organization_id",
  "instance_id",
  "project_id",
  "api_key_id",
  "user_id",
  "model_id",
  "provider_id",
  "modality",
  "status",
  "error_code",
] as const;

const ALL = [...SHARED, "request_id", "range", "from", "to"] as const;
const RARE = ["organization_id", "project_id", "api_key_id", "user_id", "error_code", "from", "to"] as const;

export const STATUSES = ["ok", "failed", "cut", "cancelled"] as const;
const MODALITIES = ["text", "image", "audio", "video", "stock"] as const;

/** All filters of the API, in the address; while one listens without those of time and of one call. */
export function Filters({ isLive }: { isLive: boolean }) {
  const [query, change] = useQuery();
  const instances = useInstances();
  const models = useResource(
    async (signal) =>
      (await take(api.GET("/v1/model-configs", { params: { query: { limit: 200 } }, signal }))).data,
    [],
  );
  const providers = useResource(
    async (signal) =>
      (await take(api.GET("/v1/providers", { params: { query: { limit: 200 } }, signal }))).data,
    [],
  );
  const some = ALL.filter((name) => query[name]);
  return (
    <search class="form" aria-label="Filters">
      <div class="filters">
        <FilterSelect label="Status" name="status" options={STATUSES} />
        <FilterText label="Model" name="model_id" type="search" list="models" placeholder="All" />
        <datalist id="models">
          {models.data?.map(({ model_id }) => (
            <option key={model_id} value={model_id} />
          ))}
        </datalist>
        <FilterSelect
          label="Provider"
          name="provider_id"
          options={providers.data?.map(({ display_name, id }) => [id, display_name] as const) ?? []}
        />
        <FilterSelect
          label="Instance"
          name="instance_id"
          options={instances.data?.map(({ id, name }) => [id, name] as const) ?? []}
        />
        <FilterSelect label="Kind" name="modality" options={MODALITIES} />
        {!isLive && <FilterSelect label="Time" name="range" all="All" options={RANGES} />}
        {!isLive && (
          <FilterText label="Request id" name="request_id" type="search" placeholder="X-Request-ID" />
        )}
        {some.length > 0 && (
          <Button
            kind="plain"
            onClick={() => change({ cursor: null, ...Object.fromEntries(some.map((name) => [name, null])) })}
          >
            Clear filters
          </Button>
        )}
      </div>
      <details class="more" open={RARE.some((name) => query[name])}>
        <summary>More filters</summary>
        <div class="filters">
          <FilterText label="Project" name="project_id" placeholder="proj_…" />
          <FilterText label="API key" name="api_key_id" placeholder="key_…" />
          <FilterText label="Person" name="user_id" placeholder="user_…" />
          <FilterText label="Error code" name="error_code" placeholder="PROVIDER_ERROR" />
          {isOperator.value && <FilterText label="Organization" name="organization_id" placeholder="org_…" />}
          {!isLive && <FilterText label="From (UTC)" name="from" type="datetime-local" />}
          {!isLive && <FilterText label="Until (UTC)" name="to" type="datetime-local" />}
        </div>
      </details>
    </search>
  );
}
