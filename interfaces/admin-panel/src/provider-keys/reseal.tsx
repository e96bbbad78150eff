import { api, type Schema, take } from "@de/api";
import { Button, count, Dialog, Fault, Note } from "@de/ui";
import { useEffect, useRef, useState } from "preact/hooks";

interface Progress {
  done: number;
  last: Schema<"Resealed">;
}

/** Seals all keys with the newest master key, 50 at a time, until none remain that can be. */
export function Reseal({ onClose, onDone }: { onClose: () => void; onDone: () => Promise<void> }) {
  const [progress, setProgress] = useState<Progress | null>(null);
  const [isRunning, setRunning] = useState(false);
  const [fault, setFault] = useState<unknown>(null);
  const isOpen = useRef(true);
  useEffect(
    () => () => {
      isOpen.current = false;
    },
    [],
  );
  const run = async () => {
    setRunning(true);
    setFault(null);
    try {
      let done = 0;
      let last: Schema<"Resealed">;
      do {
        last = await take(api.POST("/v1/provider-keys/reseal", {}));
        done += last.resealed;
        setProgress({ done, last });
        // What does not open stays among what remains: a round without any is the last one.
      } while (isOpen.current && last.remaining > 0 && last.resealed > 0);
      await onDone();
    } catch (thrown) {
      setFault(thrown);
    } finally {
      setRunning(false);
    }
  };
  return (
    <Dialog title="Reseal all keys" onClose={onClose}>
      <p>
        After a new master key has come: every vendor's key and every webhook's secret is sealed with it, 50
        at a time. The older master keys can go once none remain. Calls go on meanwhile.
      </p>
      {progress && <Told isRunning={isRunning} progress={progress} />}
      {fault !== null && <Fault error={fault} />}
      <div class="form-end">
        <Button onClick={onClose}>{isRunning ? "Stop" : "Close"}</Button>
        <Button kind="primary" disabled={isRunning} onClick={() => void run()}>
          Reseal
        </Button>
      </div>
    </Dialog>
  );
}

function Told({ isRunning, progress }: { isRunning: boolean; progress: Progress }) {
  const { done, last } = progress;
  const failed = [
    ...last.failed.map((one) => ({ id: `${one.instance_id} ${one.provider_id}`, reason: one.reason })),
    ...last.failed_webhooks.map((one) => ({ id: one.webhook_id, reason: one.reason })),
  ];
  return (
    <div class="form" role="status" aria-label="Progress">
      <progress
        aria-label="Resealed"
        max={Math.max(1, done + last.remaining)}
        value={last.remaining === 0 ? Math.max(1, done) : done}
      />
      <p>
        {count(done)} sealed anew, {count(last.remaining)} remain; master key {last.newest_version} seals now.
        {!isRunning && last.remaining === 0 && " Nothing is left to do."}
      </p>
      {failed.length > 0 && (
        <Note tone="bad">
          <p>These do not open, and stay as they are until they are saved again or deleted:</p>
          <ul class="issues">
            {failed.map(({ id, reason }) => (
              <li key={id}>
                <code>{id}</code> {reason}
              </li>
            ))}
          </ul>
        </Note>
      )}
    </div>
  );
}
