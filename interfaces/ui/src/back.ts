let keep: (() => boolean) | null = null;

/**
 * Hears of the browser's way back before the router does: listeners of a window are called in the order in which they
 * came, whatever their phase.
 */
export function watchBack(): void {
  addEventListener("popstate", (event) => {
    if (keep?.()) event.stopImmediatePropagation();
  });
}

/** Who answers whether the page stays where it is when the browser goes back or forward; null: nobody. */
export function onBack(stays: (() => boolean) | null): void {
  keep = stays;
}
