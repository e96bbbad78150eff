import { confirm, onBack } from "@de/ui";
import { useEffect, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";

/**
 * Asks before a page with unsaved changes is left: by a link, by the browser's way back, by closing it. Another query
 * at the same path is no leaving.
 */
export function useLeaving(isDirty: boolean): { free: () => void } {
  const { route } = useLocation();
  const held = useRef(isDirty);
  held.current = isDirty;
  // Where the page is while it is here: its query may change.
  const place = useRef("");
  useEffect(() => {
    place.current = location.href;
  });
  useEffect(() => {
    const here = location.pathname;
    const ask = (go: () => void) =>
      confirm({
        action: "Leave",
        body: "What is not saved is lost.",
        title: "Leave without saving?",
        work: async () => {
          held.current = false;
        },
      }).then((left) => left && go());
    const click = (event: MouseEvent) => {
      const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
      if (!held.current || !(link instanceof HTMLAnchorElement)) return;
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
      if (link.origin !== location.origin || link.target || link.pathname === here || link.hash) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      void ask(() => route(link.pathname + link.search));
    };
    const back = () => {
      if (!held.current || location.pathname === here) return false;
      history.pushState(null, "", place.current);
      void ask(() => history.go(-1));
      return true;
    };
    const close = (event: BeforeUnloadEvent) => {
      if (held.current) event.preventDefault();
    };
    document.addEventListener("click", click, true);
    onBack(back);
    addEventListener("beforeunload", close);
    return () => {
      document.removeEventListener("click", click, true);
      onBack(null);
      removeEventListener("beforeunload", close);
    };
  }, []);
  return {
    free: () => {
      held.current = false;
    },
  };
}
