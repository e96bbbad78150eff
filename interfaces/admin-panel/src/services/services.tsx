import "./services.css";
import { api, type Schema, take } from "@de/api";
import { Button, later, Page, Resource, Tabs, Time, useQuery, useResource } from "@de/ui";
import { Deployments } from "./deployments.tsx";
import { ServiceCard } from "./service.tsx";

export type Service = Schema<"Service">;

/** The description of the API is read and drawn only when somebody looks at endpoints. */
const Endpoints = later(() => import("./endpoints.tsx"));

const TABS = [
  ["services", "Services"],
  ["deployments", "Deployments"],
  ["endpoints", "Endpoints"],
] as const;

const LOOK_EVERY = 15_000;

/** What is deployed, whether it is ready, and what it takes. */
export default function Services() {
  const [query, change] = useQuery();
  const tab = TABS.find(([id]) => id === query.tab)?.[0] ?? "services";
  const list = useResource(
    async (signal) => (await take(api.GET("/v1/services", { signal }))).data,
    [],
    LOOK_EVERY,
  );
  return (
    <Page
      title="Services"
      lead="Each worker as the front door found it just now: its version, and what it stands on."
      actions={
        <>
          {list.at !== null && (
            <span class="quiet small">
              looked <Time at={list.at} />
            </span>
          )}
          <Button onClick={list.reload}>Look again</Button>
        </>
      }
    >
      <Tabs
        label="Views"
        selected={tab}
        onSelect={(next) => change({ tab: next === "services" ? null : next })}
        tabs={TABS}
      >
        {tab === "endpoints" ? (
          <Resource of={list}>{(services) => <Endpoints services={services} />}</Resource>
        ) : (
          <Resource of={list}>
            {(services) =>
              tab === "deployments" ? (
                <Deployments services={services} />
              ) : (
                <div class="services">
                  {services.map((service) => (
                    <ServiceCard key={service.name} service={service} />
                  ))}
                </div>
              )
            }
          </Resource>
        )}
      </Tabs>
    </Page>
  );
}
