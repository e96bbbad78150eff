import { Page } from "@de/ui";

export default function Request() {
  return (
    <Page title="Request">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
