import { Page } from "@de/ui";

export default function Organization() {
  return (
    <Page title="Organization">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
