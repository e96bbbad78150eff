import { Page } from "@de/ui";

export default function Models() {
  return (
    <Page title="Models">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
