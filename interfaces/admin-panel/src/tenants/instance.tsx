import { Page } from "@de/ui";

export default function Instance() {
  return (
    <Page title="Instance">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
