import { instance } from "@de/api";
import { Page, Shell } from "@de/ui";
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
  const address = useAddress();
  const chosen = instance.value;
  if (chosen !== null) return <Dashboard address={address} instance={chosen} />;
  return (
    <Page title="Monitoring">
      <div class="empty">
        <h2>No instance yet</h2>
        <p>What is watched are the calls of an instance. One is made in the admin panel.</p>
      </div>
    </Page>
  );
}
