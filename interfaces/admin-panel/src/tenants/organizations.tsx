import shape from "shape:NewOrganization";
import { api, isOperator, take } from "@de/api";
import {
  Badge,
  Button,
  Dialog,
  Form,
  faultsOf,
  Page,
  Pager,
  Resource,
  SchemaFields,
  Table,
  Time,
  toast,
  useQuery,
  useResource,
} from "@de/ui";
import { useState } from "preact/hooks";

/** All organizations that one may see. */
export default function Organizations() {
  const [query] = useQuery();
  const [making, setMaking] = useState(false);
  const cursor = query.cursor;
  const list = useResource(
    (signal) =>
      take(
        api.GET("/v1/organizations", { params: { query: { limit: 50, ...(cursor && { cursor }) } }, signal }),
      ),
    [cursor],
  );
  return (
    <Page
      title="Organizations"
      lead="Who has instances, people and a bill of their own."
      actions={
        isOperator.value && (
          <Button kind="primary" onClick={() => setMaking(true)}>
            New organization
          </Button>
        )
      }
    >
      <Resource of={list} isEmpty={({ data }) => data.length === 0} empty={<h2>No organization yet</h2>}>
        {({ data, next_cursor }) => (
          <Table
            caption="Organizations"
            id={(row) => row.id}
            rows={data}
            columns={[
              { cell: (row) => <a href={`/organizations/${row.id}`}>{row.name}</a>, head: "Name" },
              { cell: (row) => <code>{row.id}</code>, head: "Id" },
              { cell: (row) => <Badge>{row.status}</Badge>, head: "Status" },
              { cell: (row) => <Time at={row.created_at} />, head: "Made" },
            ]}
            foot={<Pager next={next_cursor} shown={data.length} />}
          />
        )}
      </Resource>
      {making && <NewOrganization onClose={() => setMaking(false)} onMade={list.reload} />}
    </Page>
  );
}

function NewOrganization({ onClose, onMade }: { onClose: () => void; onMade: () => Promise<void> }) {
  const [values, setValues] = useState<Record<string, unknown>>({});
  const [fault, setFault] = useState<unknown>(null);
  const make = async () => {
    const made = await take(api.POST("/v1/organizations", { body: values as never }));
    toast.done(`${made.name} is made`);
    onClose();
    await onMade();
  };
  return (
    <Dialog title="New organization" onClose={onClose}>
      <Form action="Make it" onCancel={onClose} onFault={setFault} onSubmit={make}>
        <SchemaFields shape={shape} values={values} onInput={setValues} faults={faultsOf(fault)} />
      </Form>
    </Dialog>
  );
}
