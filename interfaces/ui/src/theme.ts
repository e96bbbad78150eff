import { signal } from "@preact/signals";

const KEY = "de.theme";
const ORDER = ["system", "light", "dark"] as const;
type Theme = (typeof ORDER)[number];

const kept = localStorage.getItem(KEY);

/** Light, dark, or as the system is. */
export const theme = signal<Theme>(ORDER.find((one) => one === kept) ?? "system");
apply();

/** The next of the three, kept for the next visit. */
export function cycleTheme(): void {
  theme.value = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length] ?? "system";
  localStorage.setItem(KEY, theme.value);
  apply();
}

function apply(): void {
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
}
