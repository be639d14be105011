// Keeps what changes on a page as it is on the server: every element with data-live="SECONDS" is made anew after so
// many. One with data-events="ADDRESS" is made anew when an event of another revision comes from there instead.

import { replace } from "./replace.js";

const EVENTS = ["state", "progress", "end"];
const UNTOLD = 15; // seconds after which is looked for what no event tells of, such as lines of a log

let stream = null; // while the page is seen: a browser has six connections to a server, for all of its windows
let heard = false; // whether events come; while none does, as behind a proxy that holds them back, they are not waited for
let timer = 0;
let refreshing = false;
let again = false;

function follow() {
  leave();
  if (document.hidden) return;
  const followed = document.querySelector("[data-live][data-events]");
  if (followed && window.EventSource) listen(followed.dataset.events);
  wait();
}

function leave() {
  clearTimeout(timer);
  stream?.close();
  [stream, heard] = [null, false];
}

function listen(address) {
  stream = new EventSource(address);
  for (const name of EVENTS) {
    stream.addEventListener(name, ({ lastEventId }) => {
      heard = true;
      if (document.querySelector("[data-events]")?.dataset.revision !== lastEventId) refresh();
      else wait();
    });
  }
  stream.addEventListener("error", () => {
    heard = false; // the browser connects again, if that may help
    wait();
  });
}

async function refresh() {
  again = refreshing;
  if (refreshing) return; // what changes meanwhile is seen by one more look
  refreshing = true;
  do {
    again = false;
    try {
      await replace(location.href, {}, live().map((each) => each.id));
    } catch {
      // The server is away: it is asked again.
    }
  } while (again);
  refreshing = false;
  wait();
}

function wait() {
  clearTimeout(timer);
  const seconds = live().map((each) => (heard && each.dataset.events ? UNTOLD : Number(each.dataset.live)));
  if (!seconds.length) leave(); // it has ended
  else if (!document.hidden) timer = setTimeout(refresh, 1000 * Math.min(...seconds));
}

function live() {
  return [...document.querySelectorAll("[data-live]")];
}

document.addEventListener("visibilitychange", () => {
  follow();
  if (!document.hidden) refresh();
});
addEventListener("pagehide", leave);
addEventListener("pageshow", follow);
