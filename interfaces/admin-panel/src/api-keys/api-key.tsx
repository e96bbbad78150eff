import { Page } from "@de/ui";

export default function ApiKey() {
  return (
    <Page title="API key">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
