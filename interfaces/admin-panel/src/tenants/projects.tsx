import { Page } from "@de/ui";

export default function Projects() {
  return (
    <Page title="Projects">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
