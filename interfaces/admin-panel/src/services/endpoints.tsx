import { api, instance, url } from "@de/api";
import { Code, count, FilterSelect, FilterText, Note, Resource, Tag, useQuery, useResource } from "@de/ui";
import { curlOf, type Operation, operationsOf, workerOf } from "./curl.ts";
import type { Service } from "./services.tsx";

const SHOWN = 60;

/** Every operation of the API, with a call of it to try in a shell. */
export default function Endpoints({ services }: { services: readonly Service[] }) {
  const [query] = useQuery();
  const document = useResource(async (signal) => {
    const { data } = await api.GET("/v1/openapi.json", { signal });
    return operationsOf(data as never);
  }, []);
  const base = services.find(({ name }) => name === "config")?.url ?? url("/").replace(/\/$/, "");
  const words = (query.find ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const isAsked = (operation: Operation) => {
    const text =
      `${operation.method} ${operation.path} ${operation.summary ?? ""} ${operation.tags}`.toLowerCase();
    return (
      words.every((word) => text.includes(word)) &&
      (!query.worker || workerOf(services, operation) === query.worker) &&
      (!query.tag || operation.tags.includes(query.tag))
    );
  };
  return (
    <Resource of={document}>
      {(operations) => {
        const found = operations.filter(isAsked);
        return (
          <>
            <search class="filters" aria-label="Filters">
              <FilterText label="Find" name="find" type="search" placeholder="chat, limits, POST…" />
              <FilterSelect
                label="Worker"
                name="worker"
                options={[...new Set(operations.map((one) => workerOf(services, one)))]}
              />
              <FilterSelect
                label="About"
                name="tag"
                options={[...new Set(operations.flatMap(({ tags }) => tags))]}
              />
            </search>
            <p class="quiet small">
              {count(found.length)} of {count(operations.length)} operations, as this deployment describes
              them in <a href={url("/v1/openapi.json")}>openapi.json</a>. Calls go to <code>{base}</code>; put
              your key into the variable <code>DE_KEY</code>. A person's key names its instance by{" "}
              <code>X-Instance-ID{instance.value && `: ${instance.value}`}</code> where an operation acts for
              one.
            </p>
            {found.length === 0 && <Note>No operation is like that.</Note>}
            <ul class="endpoints">
              {found.slice(0, SHOWN).map((operation) => (
                <li key={`${operation.method} ${operation.path}`}>
                  <details>
                    <summary>
                      <span class="method">{operation.method}</span>{" "}
                      <code class="wrap">{operation.path}</code>{" "}
                      <span class="quiet">{operation.summary}</span>
                    </summary>
                    <div class="form">
                      {operation.description && <p class="quiet prose">{operation.description}</p>}
                      <div class="row">
                        <Tag>{workerOf(services, operation)}</Tag>
                        <Tag>
                          {operation.scope === undefined ? "no key needed" : `needs ${operation.scope}`}
                        </Tag>
                      </div>
                      <Code label={`${operation.method} ${operation.path}`} text={curlOf(base, operation)} />
                    </div>
                  </details>
                </li>
              ))}
            </ul>
            {found.length > SHOWN && (
              <p class="quiet small">The first {SHOWN} are shown: narrow what you look for.</p>
            )}
          </>
        );
      }}
    </Resource>
  );
}
