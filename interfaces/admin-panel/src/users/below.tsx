import { api, take } from "@de/api";
import { Button } from "@de/ui";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { ListBelow } from "../tenants/below.tsx";
import { userColumns } from "./columns.tsx";
import { Invite } from "./invite.tsx";

/** The people of an organization. */
export function PeopleBelow({ organization }: { organization: string }) {
  const { route } = useLocation();
  const [inviting, setInviting] = useState(false);
  return (
    <>
      <ListBelow
        title="Users"
        all={`/users?organization_id=${organization}`}
        actions={<Button onClick={() => setInviting(true)}>Invite somebody</Button>}
        ask={(limit, signal) => {
          const params = { query: { limit, organization_id: organization } };
          return take(api.GET("/v1/users", { params, signal }));
        }}
        columns={userColumns()}
        empty="Nobody yet. Who shall administer it has to be invited."
        inputs={[organization]}
      />
      {inviting && (
        <Invite
          organization={organization}
          onClose={() => setInviting(false)}
          onMade={({ id }) => route(`/users/${id}`)}
        />
      )}
    </>
  );
}
