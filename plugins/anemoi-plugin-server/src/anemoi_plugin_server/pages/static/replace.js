// Puts parts of a page that the server has made anew in the place of those that are shown.

/**
 * Fetch a page, and replace the elements with these ids by those of the page that it leads to.
 * What is typed, open or focused stays so.
 */
export async function replace(address, options, ids) {
  const answer = await fetch(address, options);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ids) {
    const shown = document.getElementById(id);
    const made = page.getElementById(id);
    if (!shown || !made || shown.innerHTML === made.innerHTML) continue;
    const focused = shown.contains(document.activeElement) ? document.activeElement.id : "";
    for (const open of shown.querySelectorAll("details[open]")) {
      made.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
    }
    shown.replaceWith(document.adoptNode(made));
    if (focused) document.getElementById(focused)?.focus();
  }
  return answer.ok;
}
