import { instance as acting, type Schema, url } from "@de/api";
import { Button, Code, Dialog, Note, Secret, Time, useInstances } from "@de/ui";
import { tryIt } from "./try-it.ts";

interface SecretShownProps {
  made: Schema<"ApiKeyReplacement"> | Schema<"ApiKeyWithSecret">;
  onClose: () => void;
}

/** A key that was just made, and a call with it. It is shown nowhere else. */
export function SecretShown({ made, onClose }: SecretShownProps) {
  const instances = useInstances();
  const at = made.instance_id ?? acting.value;
  const instance = instances.data?.find(({ id }) => id === at);
  const replaced = "replaces" in made ? made.replaces : null;
  return (
    <Dialog title={replaced ? "The new API key" : "API key created"} onClose={onClose} size="large">
      <Secret label="API key" secret={made.secret} />
      {replaced?.expires_at && !replaced.revoked_at && Date.parse(replaced.expires_at) > Date.now() && (
        <Note>
          <p>
            The old key works too, and ends <Time at={replaced.expires_at} />. Limits and budgets hold for
            both.
          </p>
        </Note>
      )}
      {replaced &&
        (replaced.revoked_at || !replaced.expires_at || Date.parse(replaced.expires_at) <= Date.now()) && (
          <Note tone="warn">The old key has ended.</Note>
        )}
      <div class="field">
        <span class="field-label">Try it</span>
        <Code label="curl" text={tryIt(made, instance, url("/"))} />
      </div>
      <div class="form-end">
        <Button kind="primary" onClick={onClose}>
          I have kept it
        </Button>
      </div>
    </Dialog>
  );
}
