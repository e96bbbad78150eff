import { Page } from "@de/ui";

export default function Model() {
  return (
    <Page title="Model">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
