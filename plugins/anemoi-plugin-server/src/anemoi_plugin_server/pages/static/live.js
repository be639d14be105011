// Keeps what changes on a page as it is on the server: every element with data-live="SECONDS".

import { replace } from "./replace.js";

async function refresh() {
  const live = [...document.querySelectorAll("[data-live]")];
  if (!live.length) return; // it has ended
  if (!document.hidden) {
    try {
      await replace(location.href, {}, live.map((each) => each.id));
    } catch {
      // The server is away: it is asked again.
    }
  }
  setTimeout(refresh, 1000 * Math.min(...live.map((each) => Number(each.dataset.live))));
}

setTimeout(refresh, 1000);
