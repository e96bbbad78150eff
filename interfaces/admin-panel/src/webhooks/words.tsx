import type { Schema } from "@de/api";

export type Webhook = Schema<"Webhook">;
export type Delivery = Schema<"Delivery">;
export type WebhookEvent = Schema<"WebhookEvent">;

/** What can be told, and when it is. */
export const EVENTS: readonly (readonly [WebhookEvent, string])[] = [
  ["job.succeeded", "a job has its result"],
  ["job.failed", "a job ended without one"],
  ["job.cancelled", "a job was given up on someone's word"],
  ["budget.threshold", "a budget has passed one of its thresholds"],
  ["outbox.failing", "receipts did not reach the database for a while"],
  ["receipt.over-ceiling", "a call cost more than its bounds allow"],
];

/** Where a webhook listens: everywhere in its organization, or in one instance. */
export function hearsOf(webhook: Webhook, nameOf: (id: string) => string): string {
  return webhook.instance_id
    ? nameOf(webhook.instance_id)
    : `every instance of ${nameOf(webhook.organization_id)}`;
}
