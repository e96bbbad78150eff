import { Page, Shell } from "@de/ui";

export function App() {
  return (
    <Shell name="Text testing" nav={[{ links: [["/", "Text testing"]] }]}>
      <Page title="Text testing">
        <p>Nothing is here yet.</p>
      </Page>
    </Shell>
  );
}
