import { Page } from "@de/ui";

export default function Webhooks() {
  return (
    <Page title="Webhooks">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
