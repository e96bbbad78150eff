import { Page } from "@de/ui";

export default function ProviderKeys() {
  return (
    <Page title="Provider keys">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
