import { Page } from "@de/ui";

export default function Instances() {
  return (
    <Page title="Instances">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
