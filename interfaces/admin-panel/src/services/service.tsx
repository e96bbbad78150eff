import { Badge, CopyButton, duration } from "@de/ui";
import type { Service } from "./services.tsx";

const WHY: Partial<Record<Service["status"], string>> = {
  not_deployed: "The front door has no binding to it: what it serves answers 501.",
  not_ready: "It answers, and something that it stands on does not.",
  unreachable: "It did not answer in time.",
};

/** One worker: whether it is ready, and each part that it stands on with the time of its answer. */
export function ServiceCard({ service }: { service: Service }) {
  const { about, deployment, duration_ms, name, status, url, version } = service;
  const parts = Object.entries(service.parts);
  return (
    <section class="card" aria-label={name}>
      <div class="card-head">
        <h2>{name}</h2>
        <Badge>{status}</Badge>
      </div>
      <p class="quiet">{about}</p>
      {WHY[status] && <p class="quiet">{WHY[status]}</p>}
      <dl class="facts">
        <dt>Version</dt>
        <dd>{version ?? <span class="quiet">not known</span>}</dd>
        <dt>Deployment</dt>
        <dd>
          {deployment ? (
            <code title={deployment.id}>{deployment.tag ?? deployment.id.slice(0, 8)}</code>
          ) : (
            <span class="quiet">not known</span>
          )}
        </dd>
        <dt>Answered in</dt>
        <dd>{duration_ms === null ? <span class="quiet">–</span> : duration(duration_ms)}</dd>
      </dl>
      {parts.length > 0 && (
        <ul class="parts" aria-label={`What ${name} stands on`}>
          {parts.map(([part, { duration_ms, ok }]) => (
            <li key={part}>
              <Badge tone={ok ? "good" : "bad"}>{ok ? part : `${part} failed`}</Badge>
              <span class="quiet small">{duration(duration_ms)}</span>
            </li>
          ))}
        </ul>
      )}
      {url ? (
        <span class="small curl">
          <code title={`curl -s ${url}/ready`}>curl -s {url}/ready</code>
          <CopyButton label={`Copy a call of ${name}`} text={`curl -s ${url}/ready`} />
        </span>
      ) : (
        <p class="quiet small">Nobody calls it: the other workers do, by their bindings.</p>
      )}
    </section>
  );
}
