import { api, instance, type Schema, take } from "@de/api";
import { Badge, count, duration, type Loaded, percent, Resource, Time, useResource } from "@de/ui";

/** How often health is looked at: it tells of 15 minutes, so it need not be asked for at every breath. */
const EVERY_MS = 15_000;

/** How a vendor did lately for the chosen instance; null where none is chosen. */
export function useHealth(id: string): Loaded<Schema<"ProviderHealth"> | null> {
  const at = instance.value;
  return useResource(
    async (signal) => {
      if (at === null) return null;
      const params = { path: { id }, query: { instance_id: at } };
      return take(api.GET("/v1/providers/{id}/health", { params, signal }));
    },
    [id, at],
    EVERY_MS,
  );
}

/** A vendor's last 15 minutes as a word, for a row. */
export function HealthWord({ id }: { id: string }) {
  const { data, error } = useHealth(id);
  if (error) return <span class="quiet">not known</span>;
  if (!data) return <span class="quiet">{data === null ? "–" : "…"}</span>;
  if (data.attempts === 0) return <span class="small quiet">no calls</span>;
  return (
    <span class="row">
      <Badge>{data.status}</Badge>
      <span class="small quiet nowrap">
        {count(data.failures)} of {count(data.attempts)} failed
      </span>
    </span>
  );
}

/** A vendor's last 15 minutes, whole. */
export function Health({ id }: { id: string }) {
  const health = useHealth(id);
  return (
    <section class="card" aria-label="Health">
      <div>
        <h2>Health</h2>
        <p class="small quiet">The last 15 minutes of this instance, by its calls; nothing is tried.</p>
      </div>
      <Resource
        of={health}
        isEmpty={(data) => data === null}
        empty={<p>Choose an instance to see its calls.</p>}
      >
        {(data) => data && <Figures health={data} />}
      </Resource>
    </section>
  );
}

function Figures({ health }: { health: Schema<"ProviderHealth"> }) {
  const {
    attempts,
    circuits,
    failures,
    failures_by_code,
    last_error,
    p50_ms,
    p95_ms,
    status,
    success_share,
  } = health;
  return (
    <dl class="facts">
      <dt>Status</dt>
      <dd>
        <Badge>{status}</Badge>
      </dd>
      <dt>Tries</dt>
      <dd>
        {count(attempts)}, {count(failures)} failed
        {success_share !== null && success_share !== undefined && ` (${percent(success_share)} well)`}
      </dd>
      <dt>Time</dt>
      <dd>
        {p50_ms === null || p50_ms === undefined
          ? "–"
          : `p50 ${duration(p50_ms)}, p95 ${duration(p95_ms ?? p50_ms)}`}
      </dd>
      {Object.keys(failures_by_code).length > 0 && (
        <>
          <dt>Failures</dt>
          <dd>
            {Object.entries(failures_by_code).map(([code, number]) => (
              <div key={code}>
                <code>{code}</code> {count(number)}
              </div>
            ))}
          </dd>
        </>
      )}
      {last_error && (
        <>
          <dt>Last failure</dt>
          <dd>
            <Time at={last_error.at} /> <code>{last_error.error_code}</code>{" "}
            {last_error.provider_status ?? "no answer"}
          </dd>
        </>
      )}
      <dt>Open circuits</dt>
      <dd>
        {circuits === null || circuits === undefined
          ? "The Limiter does not say"
          : circuits.length === 0
            ? "None"
            : circuits.map((one) => (
                <div key={one.model_id}>
                  <a href={`/models/${encodeURIComponent(one.model_id)}`}>
                    <code>{one.model_id}</code>
                  </a>{" "}
                  until <Time at={one.until} />
                </div>
              ))}
      </dd>
    </dl>
  );
}
