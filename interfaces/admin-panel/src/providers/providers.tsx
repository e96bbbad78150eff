import { Page } from "@de/ui";

export default function Providers() {
  return (
    <Page title="Providers">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
