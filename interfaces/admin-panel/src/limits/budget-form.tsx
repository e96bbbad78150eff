import { api, type Schema, take } from "@de/api";
import {
  Button,
  CheckField,
  confirm,
  Form,
  faultsOf,
  money,
  parseMoney,
  SelectField,
  TextField,
} from "@de/ui";
import { useState } from "preact/hooks";
import { saving } from "../tenants/saving.ts";
import { paramsOf, type Read, WasChanged } from "./editor.tsx";
import { type Budgets, PERIOD_WORDS, PERIODS, type Period, type Place } from "./scopes.ts";
import { BudgetUses } from "./use.tsx";

interface BudgetsProps {
  mayChange: boolean;
  onChange: () => Promise<void>;
  place: Place;
  read: Read<Budgets>;
}

/** The budgets of a scope: one for each period, all of which hold at once. */
export function BudgetsOf({ mayChange, onChange, place, read }: BudgetsProps) {
  const { budgets } = read.row;
  const free = PERIODS.filter((period) => !budgets.some((one) => one.period === period));
  const [edited, setEdited] = useState<Period | null>(budgets.length === 0 ? "month" : null);
  if (!mayChange) return <BudgetUses of={read.row} />;
  const remove = (period: string) =>
    confirm({
      action: "Remove budget",
      body: `Nothing will bound what this ${place.scope} spends ${PERIOD_WORDS[period]}.`,
      title: `Remove the budget ${PERIOD_WORDS[period]}?`,
      work: async () => {
        const params = paramsOf(place, read.etag);
        await saving(
          take(
            api.DELETE("/v1/budgets/{scope}/{id}", {
              params: { ...params, query: { ...params.query, period: period as Period } },
            }),
          ),
          "The budget is removed",
        );
        await onChange();
      },
    });
  return (
    <>
      {budgets.map((budget) => (
        <div class="card" key={budget.period}>
          <div class="card-head">
            <h3>{budget.period === "total" ? "In all" : `Budget ${PERIOD_WORDS[budget.period]}`}</h3>
            <div class="row">
              <Button
                size="small"
                aria-label={`Edit the budget ${PERIOD_WORDS[budget.period]}`}
                onClick={() => setEdited(budget.period as Period)}
              >
                Edit
              </Button>
              <Button
                size="small"
                kind="danger"
                aria-label={`Remove the budget ${PERIOD_WORDS[budget.period]}`}
                onClick={() => remove(budget.period)}
              >
                Remove
              </Button>
            </div>
          </div>
          <BudgetUses of={{ ...read.row, budgets: [budget], notice: null }} />
          <span class="quiet small">
            Told at {budget.alerts.map((percent) => `${percent} %`).join(", ") || "no threshold"}.{" "}
            {budget.release_after_h === null
              ? "Unsettled money is held to the end of the period."
              : `Unsettled money goes back after ${budget.release_after_h} h.`}
          </span>
        </div>
      ))}
      {edited ? (
        <BudgetForm
          key={edited}
          before={budgets.find(({ period }) => period === edited)}
          free={free}
          period={edited}
          place={place}
          etag={read.etag}
          onPeriod={setEdited}
          onChange={onChange}
          onCancel={budgets.length > 0 ? () => setEdited(null) : undefined}
        />
      ) : (
        free[0] && (
          <div>
            <Button onClick={() => setEdited(free.includes("month") ? "month" : (free[0] ?? null))}>
              Add a budget
            </Button>
          </div>
        )
      )}
    </>
  );
}

interface BudgetFormProps {
  before: Schema<"Budget"> | undefined;
  etag: string | null;
  free: readonly Period[];
  onCancel: (() => void) | undefined;
  onChange: () => Promise<void>;
  onPeriod: (period: Period) => void;
  period: Period;
  place: Place;
}

function BudgetForm(props: BudgetFormProps) {
  const { before, etag, free, onCancel, onChange, onPeriod, period, place } = props;
  const [amount, setAmount] = useState(before ? dollars(before.amount_micros) : "");
  const [alerts, setAlerts] = useState((before?.alerts ?? [50, 80, 100]).join(", "));
  const [release, setRelease] = useState(before?.release_after_h ? String(before.release_after_h) : "");
  const [shadow, setShadow] = useState(before?.shadow ?? false);
  const [fault, setFault] = useState<unknown>(null);
  const faults = faultsOf(fault);
  const micros = parseMoney(amount);
  const save = async () => {
    if (micros === null)
      throw new Error("The amount is in dollars, with at most six digits after the point.");
    const percents = alerts.split(/[\s,;%]+/).filter(Boolean);
    const body = {
      alerts: percents.map(Number),
      amount_micros: micros,
      period,
      release_after_h: release === "" ? null : Number(release),
      shadow,
    };
    await saving(
      take(api.PUT("/v1/budgets/{scope}/{id}", { body, params: paramsOf(place, etag) })),
      `The budget ${PERIOD_WORDS[period]} holds`,
    );
    await onChange();
  };
  return (
    <div class="card">
      <h3>{before ? `Change the budget ${PERIOD_WORDS[period]}` : "New budget"}</h3>
      <Form
        action={before ? "Save budget" : "Set budget"}
        {...(onCancel && { onCancel })}
        onFault={setFault}
        onSubmit={save}
      >
        <div class="form-grid">
          {!before && (
            <SelectField
              label="Period"
              options={free.map((one) => [one, one === "total" ? "in all, used up once" : one] as const)}
              value={period}
              onInput={(word) => onPeriod(word as Period)}
            />
          )}
          <TextField
            label="Amount in dollars"
            name="amount_micros"
            required
            inputMode="decimal"
            placeholder="250.00"
            fault={faults.amount_micros ?? (amount !== "" && micros === null ? "Not an amount" : undefined)}
            help={
              micros === null
                ? "0 lets nothing through that may cost something."
                : `${money(micros)} ${PERIOD_WORDS[period]}`
            }
            value={amount}
            onInput={setAmount}
          />
          <TextField
            label="Tell at percents"
            name="alerts"
            required={false}
            fault={faults.alerts}
            help="Webhooks that subscribe to budget.threshold hear of each once a period."
            value={alerts}
            onInput={setAlerts}
          />
          <TextField
            label="Give unsettled money back after hours"
            name="release_after_h"
            required={false}
            inputMode="numeric"
            pattern="\d*"
            fault={faults.release_after_h}
            placeholder="At the end of the period"
            help="Held for calls of which nobody knows what became."
            value={release}
            onInput={setRelease}
          />
        </div>
        <CheckField
          label="On trial"
          help="Counts and shows, and refuses nothing."
          name="shadow"
          checked={shadow}
          onInput={setShadow}
        />
        <WasChanged thrown={fault} again={onChange} />
      </Form>
    </div>
  );
}

function dollars(micros: number): string {
  return (micros / 1_000_000).toFixed(6).replace(/\.?0+$/, "");
}
