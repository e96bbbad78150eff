import { isOperator } from "@de/api";
import { ListField, SelectField } from "@de/ui";

interface DomainsFieldProps {
  fault: string | undefined;
  onInput: (domains: string[] | null) => void;
  value: readonly string[] | null;
}

/** The domains of the addresses that an organization's own administrators may give: any, or these. */
export function DomainsField({ fault, onInput, value }: DomainsFieldProps) {
  const isMine = isOperator.value;
  const why = isMine ? "A superadmin gives any address." : "Only who operates the service changes them.";
  return (
    <div class="form-grid">
      <SelectField
        label="E-mail domains"
        help={`Of the addresses that its own administrators may give. ${why}`}
        disabled={!isMine}
        options={[
          ["any", "Any"],
          ["some", "Only some"],
        ]}
        value={value === null ? "any" : "some"}
        onInput={(word) => onInput(word === "any" ? null : [])}
      />
      {value !== null && (
        <ListField
          label="Domains"
          name="email_domains"
          help="One a line: example.com. With none of them they give no address at all."
          disabled={!isMine}
          fault={fault}
          value={value}
          onInput={onInput}
        />
      )}
    </div>
  );
}
