import { Page } from "@de/ui";

export default function NewModel() {
  return (
    <Page title="New model">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
