import { api, type Schema, take } from "@de/api";

type Asked = Record<string, number | string>;

/** One page of calls. The API could answer with a table too, which nobody asks for here. */
export async function callsOf(query: Asked, signal?: AbortSignal): Promise<Schema<"RequestList">> {
  const answer = api.GET("/v1/requests", { params: { query: query as object }, ...(signal && { signal }) });
  return (await take(answer)) as Schema<"RequestList">;
}

/** Sums of calls, by what `group_by` names. */
export async function usageOf(query: Asked, signal?: AbortSignal): Promise<Schema<"UsageRow">[]> {
  const answer = api.GET("/v1/usage", { params: { query: query as object }, ...(signal && { signal }) });
  return ((await take(answer)) as Schema<"UsageReport">).data;
}

/** Sums of calls, one row for each hour or day, also for those in which nothing happened. */
export async function seriesOf(query: Asked, signal?: AbortSignal): Promise<Schema<"UsageRow">[]> {
  const answer = api.GET("/v1/usage/timeseries", {
    params: { query: query as never },
    ...(signal && { signal }),
  });
  return ((await take(answer)) as Schema<"UsageReport">).data;
}
