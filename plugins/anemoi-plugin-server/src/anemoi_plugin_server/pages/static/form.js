// Shows the options of a component as soon as it is chosen; without JavaScript a button does.

import { replace } from "./replace.js";

document.getElementById("problems")?.focus();

document.addEventListener("change", async (event) => {
  const button = event.target.parentElement?.querySelector("button[data-part]");
  if (event.target.tagName !== "SELECT" || !button) return;
  const given = new FormData(event.target.form);
  given.append(button.name, button.value);
  await replace(event.target.form.action, { method: "POST", body: new URLSearchParams(given) }, [button.dataset.part]);
});

// The button is for those without JavaScript.
document.documentElement.classList.add("scripted");
