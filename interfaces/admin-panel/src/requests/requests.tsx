import { Page } from "@de/ui";

export default function Requests() {
  return (
    <Page title="Requests">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
