import { Page } from "@de/ui";

export function Overview() {
  return (
    <Page title="Overview">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
