import { Page } from "@de/ui";

export default function Audit() {
  return (
    <Page title="Audit">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
