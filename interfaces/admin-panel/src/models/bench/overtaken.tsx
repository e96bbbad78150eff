import { Button, Dialog, Note } from "@de/ui";
import { configOf, written } from "../draft.ts";
import type { Saved } from "../rows.ts";
import { Diff } from "../versions/diff.tsx";

interface OvertakenProps {
  /** What was read before the editing began. */
  base: Saved;
  onClose: () => void;
  onForce: () => Promise<unknown>;
  onTake: () => void;
  /** What somebody else has saved since. */
  theirs: Saved;
}

/** Somebody else has saved the model meanwhile: what they changed, and which of the two stays. */
export function Overtaken({ base, onClose, onForce, onTake, theirs }: OvertakenProps) {
  return (
    <Dialog title="Somebody else has saved this model" size="large" onClose={onClose}>
      <Note tone="warn">
        You began with version {base.version}; version {theirs.version} is there now. This is what they
        changed.
      </Note>
      <Diff
        before={written(configOf(base))}
        after={written(configOf(theirs))}
        names={[`version ${base.version}`, `version ${theirs.version}`]}
      />
      <div class="form-end">
        <Button onClick={onClose}>Go on editing</Button>
        <Button onClick={onTake}>Drop mine, take theirs</Button>
        <Button kind="danger" onClick={onForce}>
          Save mine over it
        </Button>
      </div>
    </Dialog>
  );
}
