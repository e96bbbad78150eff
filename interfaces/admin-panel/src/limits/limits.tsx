import { Page } from "@de/ui";

export default function LimitsAndBudgets() {
  return (
    <Page title="Limits and budgets">
      <p>Nothing is here yet.</p>
    </Page>
  );
}
