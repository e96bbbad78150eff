import { Badge, CopyButton, Note, Table, Time } from "@de/ui";
import type { Service } from "./services.tsx";

/** Which version of each worker runs, as the workers themselves say. */
export function Deployments({ services }: { services: readonly Service[] }) {
  const versions = new Set(services.flatMap(({ version }) => version ?? []));
  return (
    <>
      {versions.size > 1 && (
        <Note tone="warn">
          Workers run different versions: {[...versions].join(", ")}. That is as it should be while a
          deployment goes on, and not for long.
        </Note>
      )}
      <Table
        caption="Deployments"
        id={({ name }) => name}
        rows={services}
        columns={[
          {
            cell: ({ about, name }) => <span title={about}>{name}</span>,
            head: "Worker",
            sort: ({ name }) => name,
          },
          { cell: ({ status }) => <Badge>{status}</Badge>, head: "Status", sort: ({ status }) => status },
          {
            cell: ({ version }) => version ?? <span class="quiet">not known</span>,
            head: "Version",
            sort: ({ version }) => version,
          },
          {
            cell: ({ deployment }) =>
              deployment ? (
                <span class="nowrap">
                  <code>{deployment.id}</code>{" "}
                  <CopyButton label="Copy the deployment's id" text={deployment.id} />
                </span>
              ) : (
                <span class="quiet">not known</span>
              ),
            head: "Deployment",
          },
          { cell: ({ deployment }) => deployment?.tag ?? <span class="quiet">–</span>, head: "Tag" },
          {
            cell: ({ deployment }) => <Time at={deployment?.created_at} />,
            head: "Uploaded",
            sort: ({ deployment }) => deployment?.created_at ?? null,
          },
        ]}
      />
      <p class="quiet small">
        The platform keeps what ran before; a worker knows only itself. What was deployed when is in the
        account's dashboard.
      </p>
    </>
  );
}
