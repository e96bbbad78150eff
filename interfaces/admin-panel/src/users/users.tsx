import { Page } from "@de/ui";

export default function Users() {
  return (
    <Page title="Users">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
