import type { Schema } from "@de/api";
import { Button, CheckField, Dialog, RequestId, Table, Time } from "@de/ui";
import { useState } from "preact/hooks";
import { type Member, membersOf } from "./diff.ts";
import { Target, Who } from "./words.tsx";

type Change = Schema<"AuditEvent">;

interface ChangeProps {
  nameOf: (id: string) => string | undefined;
  of: Change;
  onClose: () => void;
}

/** One change: who made it, and each member before and after. */
export function ChangeShown({ nameOf, of, onClose }: ChangeProps) {
  const [showsAll, setShowsAll] = useState(false);
  const { changed, stayed } = membersOf(of.before, of.after);
  const rows = showsAll ? [...changed, ...stayed] : changed;
  return (
    <Dialog size="large" title={of.action} onClose={onClose}>
      <dl class="facts">
        <dt>Who</dt>
        <dd>
          <Who actor={of.actor} nameOf={nameOf} />
        </dd>
        <dt>Of what</dt>
        <dd>
          <Target change={of} />
        </dd>
        <dt>When</dt>
        <dd>
          {of.created_at.replace("T", " ").replace("Z", " UTC")} (<Time at={of.created_at} />)
        </dd>
      </dl>
      {rows.length === 0 ? (
        <p class="quiet">No member of it is on record.</p>
      ) : (
        <div class="diff">
          <Table
            caption="Before and after"
            id={({ path }) => path}
            rows={rows}
            columns={[
              { cell: ({ path }) => <code class="wrap">{path}</code>, head: "Member" },
              { cell: (member) => <Value kind="before" of={member} />, head: "Before" },
              { cell: (member) => <Value kind="after" of={member} />, head: "After" },
            ]}
          />
        </div>
      )}
      {stayed.length > 0 && (
        <CheckField
          label={`Show the ${stayed.length} ${stayed.length === 1 ? "member" : "members"} that stayed`}
          checked={showsAll}
          onInput={setShowsAll}
        />
      )}
      {of.request_id && <RequestId id={of.request_id} />}
      <div class="form-end">
        <Button onClick={onClose}>Close</Button>
      </div>
    </Dialog>
  );
}

function Value({ kind, of }: { kind: "after" | "before"; of: Member }) {
  const text = of[kind];
  if (text === undefined) return <span class="quiet">–</span>;
  if (of.before === of.after) return <code class="wrap quiet">{text}</code>;
  return kind === "before" ? <del>{text}</del> : <ins>{text}</ins>;
}
