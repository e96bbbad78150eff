import { Page } from "@de/ui";

export default function Provider() {
  return (
    <Page title="Provider">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
