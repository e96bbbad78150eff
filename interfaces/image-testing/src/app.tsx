import { Page, Shell } from "@de/ui";

export function App() {
  return (
    <Shell name="Image testing" nav={[{ links: [["/", "Image testing"]] }]}>
      <Page title="Image testing">
        <p>Nothing is here yet.</p>
      </Page>
    </Shell>
  );
}
