import { isAdministrator } from "@de/api";
import { LinkButton, useResource } from "@de/ui";
import { doneOf, nextOf, progressOf, STEPS } from "../setup/progress.ts";

const LOOK_EVERY = 30_000;

/** Says which step of the set-up is missing, as long as one is. */
export function Unfinished({ instance }: { instance: string | null }) {
  const progress = useResource(
    async (signal) =>
      isAdministrator.value ? progressOf({ instance: instance ?? undefined }, signal) : null,
    [instance],
    LOOK_EVERY,
  );
  if (!progress.data) return null;
  const next = nextOf(progress.data);
  if (next > STEPS.length) return null;
  const missing = STEPS.filter((_, index) => !doneOf(progress.data as never)[index]);
  const name = progress.data.instance?.name;
  return (
    <section class="card" aria-label="Set-up is not finished">
      <div class="card-head">
        <div>
          <h2>Set-up is not finished</h2>
          <p class="quiet">
            Missing{name ? ` of ${name}` : ""}: {missing.map(words).join(", ")}.
          </p>
        </div>
        <LinkButton
          kind="primary"
          href={instance ? `/setup?step=${next}&instance=${instance}` : `/setup?step=${next}`}
        >
          Go on with it
        </LinkButton>
      </div>
    </section>
  );
}

/** A step's name inside of a sentence. */
function words(step: string): string {
  return step.charAt(0).toLowerCase() + step.slice(1);
}
