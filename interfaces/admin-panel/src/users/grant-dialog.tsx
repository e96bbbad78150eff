import { api, type Schema, take } from "@de/api";
import { confirm, Dialog, Form, SelectField, toast } from "@de/ui";
import { useState } from "preact/hooks";
import { GRANTS } from "./roles.ts";

type GrantRole = Schema<"GrantRole">;
type Named = readonly [id: string, name: string];

interface GrantDialogProps {
  /** What can be chosen of the side that is not given. */
  choice?: { label: string; of: readonly Named[] };
  instance?: Named | undefined;
  onClose: () => void;
  onGiven: () => void;
  role?: string | undefined;
  user?: Named | undefined;
}

/** Gives somebody a grant on an instance, or another one than they have. */
export function GrantDialog({ choice, instance, onClose, onGiven, role, user }: GrantDialogProps) {
  const [chosen, setChosen] = useState("");
  const [word, setWord] = useState(role ?? "user");
  const give = async () => {
    const path = { id: user?.[0] ?? chosen, instance_id: instance?.[0] ?? chosen };
    await take(
      api.PUT("/v1/users/{id}/grants/{instance_id}", { body: { role: word as GrantRole }, params: { path } }),
    );
    toast.done(role ? "The grant is changed" : "The grant is given");
    onGiven();
  };
  const whose = [user?.[1], instance?.[1]].filter(Boolean).join(" on ");
  return (
    <Dialog title={role ? `Change the grant of ${whose}` : "Give a grant"} onClose={onClose}>
      <Form action={role ? "Change grant" : "Give grant"} onCancel={onClose} onSubmit={give}>
        {!role && <p class="quiet">{user ? `To ${user[1]}` : `On ${instance?.[1]}`}</p>}
        {choice && (
          <SelectField
            label={choice.label}
            required
            options={[["", "Choose…"] as const, ...choice.of]}
            value={chosen}
            onInput={setChosen}
          />
        )}
        <SelectField
          label="Grant"
          help="Each has all that the ones before it have."
          options={GRANTS}
          value={word}
          onInput={setWord}
        />
      </Form>
    </Dialog>
  );
}

/** Takes a grant away, after asking. */
export async function takeGrant(of: { instance: Named; onTaken: () => void; user: Named }): Promise<void> {
  const { instance, onTaken, user } = of;
  const path = { id: user[0], instance_id: instance[0] };
  const done = await confirm({
    action: "Remove grant",
    body: (
      <p>
        {user[1]} does not reach {instance[1]} any more, by keys and log-ins alike. The grant can be given
        again.
      </p>
    ),
    title: `Remove the grant of ${user[1]} on ${instance[1]}?`,
    work: () => take(api.DELETE("/v1/users/{id}/grants/{instance_id}", { params: { path } })),
  });
  if (!done) return;
  toast.done("The grant is removed");
  onTaken();
}
