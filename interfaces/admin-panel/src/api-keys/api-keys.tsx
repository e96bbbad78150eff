import { Page } from "@de/ui";

export default function ApiKeys() {
  return (
    <Page title="API keys">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
