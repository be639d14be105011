// Shows the options of a component as soon as it is chosen; without JavaScript a button does.

import { replace } from "./replace.js";

document.getElementById("problems")?.focus();

let asked = new AbortController();

document.addEventListener("change", async (event) => {
  const button = event.target.parentElement?.querySelector("button[data-part]");
  if (event.target.tagName !== "SELECT" || !button) return;
  const given = new FormData(event.target.form);
  given.append(button.name, button.value);
  asked.abort(); // what was chosen on the way, as by arrow keys, is not shown any more
  asked = new AbortController();
  const options = { method: "POST", body: new URLSearchParams(given), signal: asked.signal };
  try {
    await replace(event.target.form.action, options, [button.dataset.part]);
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
});

// The button is for those without JavaScript.
document.documentElement.classList.add("scripted");
