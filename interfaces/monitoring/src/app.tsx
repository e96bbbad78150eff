import { instance } from "@de/api";
import { AdminLink, Note, Page, Shell, useInstances, useProjects } from "@de/ui";
import { useState } from "preact/hooks";
import { useAddress } from "./address.ts";
import { Dashboard } from "./dashboard.tsx";

export function App() {
  return (
    <Shell name="Monitoring" nav={[{ links: [["/", "Monitoring"]] }]}>
      <Watched />
    </Shell>
  );
}

function Watched() {
  const [followed] = useState(() => new URLSearchParams(location.search).get("instance"));
  const address = useAddress();
  const instances = useInstances().data;
  const projects = useProjects().data ?? [];
  const chosen = instance.value;
  if (chosen === null) {
    return (
      <Page title="Monitoring">
        <div class="empty">
          <h2>No instance yet</h2>
          <p>
            What is watched are the calls of an instance.{" "}
            <AdminLink path="/instances">One is made in the admin panel</AdminLink>.
          </p>
        </div>
      </Page>
    );
  }
  const isStrange = followed !== null && instances?.every(({ id }) => id !== followed);
  return (
    <Dashboard
      address={address}
      instance={chosen}
      mine={instances?.find(({ id }) => id === chosen)}
      projects={projects.filter(({ instance_id }) => instance_id === chosen)}
      told={
        isStrange && (
          <Note tone="warn">
            <p>
              The instance <code>{followed}</code> that was asked for is not there, or not yours to see. This
              is another one.
            </p>
          </Note>
        )
      }
    />
  );
}
