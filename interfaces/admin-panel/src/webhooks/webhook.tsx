import { Page } from "@de/ui";

export default function Webhook() {
  return (
    <Page title="Webhook">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
