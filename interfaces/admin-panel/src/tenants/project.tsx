import { Page } from "@de/ui";

export default function Project() {
  return (
    <Page title="Project">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
