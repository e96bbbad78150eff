import { api, take } from "@de/api";
import { Button } from "@de/ui";
import { useState } from "preact/hooks";
import { ListBelow } from "../tenants/below.tsx";
import { keyColumns } from "./columns.tsx";
import { NewKey } from "./new-key.tsx";
import "./api-keys.css";

interface KeysBelowProps {
  canMake: boolean;
  of: { project_id: string } | { user_id: string };
}

/** The keys of a project, or of a person. */
export function KeysBelow({ canMake, of }: KeysBelowProps) {
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState(0);
  return (
    <>
      <ListBelow
        title="API keys"
        all={`/api-keys?${new URLSearchParams({ ...of })}`}
        actions={canMake && <Button onClick={() => setMaking(true)}>New API key</Button>}
        ask={(limit, signal) =>
          take(api.GET("/v1/api-keys", { params: { query: { limit, ...of } }, signal }))
        }
        columns={keyColumns()}
        empty={"project_id" in of ? "No key yet. Programs call by one." : "No key yet. Scripts call by one."}
        inputs={[Object.values(of)[0], made]}
      />
      {making && (
        <NewKey
          fixed={of}
          onClose={() => {
            setMaking(false);
            setMade(made + 1);
          }}
        />
      )}
    </>
  );
}
