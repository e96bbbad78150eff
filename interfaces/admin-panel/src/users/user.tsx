import { Page } from "@de/ui";

export default function User() {
  return (
    <Page title="User">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
