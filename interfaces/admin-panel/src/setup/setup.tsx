import { Page } from "@de/ui";

export default function Setup() {
  return (
    <Page title="Set-up">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
