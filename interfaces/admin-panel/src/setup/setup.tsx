import "./setup.css";
import { isAdministrator, logOut, person } from "@de/api";
import {
  Button,
  Icon,
  Mark,
  Note,
  Questions,
  Renewal,
  Resource,
  setQuery,
  Toasts,
  useQuery,
  useResource,
} from "@de/ui";
import { useEffect, useRef } from "preact/hooks";
import { FirstKey } from "./first-key.tsx";
import { FirstRequest } from "./first-request.tsx";
import { doneOf, nextOf, type Progress, progressOf, STEPS } from "./progress.ts";
import { ProviderKeyStep } from "./provider-key.tsx";
import { TakeOver } from "./take-over.tsx";
import { Tenant } from "./tenant.tsx";

const LOOK_EVERY = 3_000;

/** What a step is given: how far everything is, and how to go on. */
export interface StepProps {
  go: (step: number, chosen?: Record<string, string>) => void;
  progress: Progress;
  reload: () => Promise<void>;
}

/** From an empty installation to the first answered request. */
export default function Setup() {
  useEffect(() => {
    document.title = "Set-up · Distributed Electrons";
  }, []);
  return (
    <main class="setup">
      <header class="setup-head">
        <h1 class="brand">
          <Mark />
          <span>
            Distributed Electrons <small>Set-up: five steps to the first request</small>
          </span>
        </h1>
        {person.value && (
          <div class="row">
            <span class="quiet small">{person.value.email}</span>
            <Button kind="plain" size="small" onClick={logOut}>
              Log out
            </Button>
            <a href="/">To the admin panel</a>
          </div>
        )}
      </header>
      {person.value === undefined ? null : person.value === null ? (
        <>
          <Way at={1} done={[]} />
          <TakeOver />
        </>
      ) : (
        <Steps />
      )}
      <Questions />
      <Renewal />
      <Toasts />
    </main>
  );
}

/**
 * The steps of who is logged in. Which one it is stands in the address, or is the first that was missing when one came:
 * that it is done must not take away what it has to show, such as a key.
 */
function Steps() {
  const [query, change] = useQuery();
  const first = useRef<number | null>(null);
  const { instance, organization, project } = query;
  const asked = Number(query.step);
  // The last step is done by a receipt, which comes some seconds after its call.
  const progress = useResource(
    (signal) => progressOf({ instance, organization, project }, signal),
    [instance, organization, project, person.value?.id],
    asked === STEPS.length || !asked ? LOOK_EVERY : undefined,
  );
  const go = (step: number, chosen: Record<string, string> = {}) => change({ ...chosen, step: String(step) });
  if (!isAdministrator.value) {
    return <Note>Your role may not set this up. Ask an administrator of your organization.</Note>;
  }
  return (
    <Resource of={progress}>
      {(found) => {
        const next = nextOf(found);
        first.current ??= Math.min(next, STEPS.length);
        const at = asked >= 1 && asked <= STEPS.length ? asked : first.current;
        const props = { go, progress: found, reload: progress.reload };
        return (
          <>
            <Way at={at} done={doneOf(found)} />
            {at === 1 && <TakenOver {...props} />}
            {at === 2 && <Tenant {...props} />}
            {at === 3 && <ProviderKeyStep {...props} />}
            {at === 4 && <FirstKey {...props} />}
            {at === 5 && <FirstRequest {...props} />}
          </>
        );
      }}
    </Resource>
  );
}

/** Where one is, and what is done. */
function Way({ at, done }: { at: number; done: readonly boolean[] }) {
  const [query] = useQuery();
  return (
    <nav aria-label="Steps">
      <ol class="steps">
        {STEPS.map((name, index) => {
          const step = index + 1;
          const isDone = done[index] === true;
          const said = (
            <span>
              {step}. {name} {isDone && <Icon name="check" />}
              {isDone && <span class="only-heard"> (done)</span>}
            </span>
          );
          const state = {
            "aria-current": step === at ? ("step" as const) : undefined,
            "data-done": isDone,
          };
          return (
            <li key={name}>
              {done.length > 0 ? (
                <a class="step" href={setQuery("/setup", query, { step: String(step) })} {...state}>
                  {said}
                </a>
              ) : (
                <span class="step" {...state}>
                  {said}
                </span>
              )}
            </li>
          );
        })}
      </ol>
    </nav>
  );
}

function TakenOver({ go, progress }: StepProps) {
  const next = nextOf(progress);
  return (
    <section class="card" aria-label={STEPS[0]}>
      <h2>This installation has its operator</h2>
      <p>
        You are logged in as {person.value?.email}, with the role {person.value?.role}.{" "}
        {next > STEPS.length ? "Nothing is missing." : `The next step is: ${STEPS[next - 1]}.`}
      </p>
      <div class="form-end">
        <Button kind="primary" onClick={() => go(Math.min(next, STEPS.length))}>
          Go on
        </Button>
      </div>
    </section>
  );
}
