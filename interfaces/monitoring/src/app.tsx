import { Page, Shell } from "@de/ui";

export function App() {
  return (
    <Shell name="Monitoring" nav={[{ links: [["/", "Monitoring"]] }]}>
      <Page title="Monitoring">
        <p>Nothing is here yet.</p>
      </Page>
    </Shell>
  );
}
