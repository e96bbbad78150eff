import { Page } from "@de/ui";

export default function Services() {
  return (
    <Page title="Services">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
