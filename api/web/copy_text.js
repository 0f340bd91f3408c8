// Copy text, also on plain http, where browsers have no `navigator.clipboard`.

/** @typedef {{text: string, html: string}} Copied a table is pasted as a table where `html` is understood */

/**
 * Copy something. Call this in the handler of a click or key.
 * @param {Copied|Promise<Copied>} copied
 * @returns {Promise<boolean>} false if the browser has not allowed it
 */
export async function copy(copied) {
  if (!navigator.clipboard?.write) return copyByCommand(await copied);
  const part = (/** @type {"text"|"html"} */ name, /** @type {string} */ type) => Promise.resolve(copied).then((found) => new Blob([found[name]], { type }));
  try {
    // Promises within keep the permission of the click.
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": part("text", "text/plain"), "text/html": part("html", "text/html") })]);
    return true;
  } catch {
    return copyByCommand(await copied);
  }
}

/** @param {Copied} copied @returns {boolean} */
function copyByCommand({ text, html }) {
  const area = document.createElement("textarea"); // some browsers copy only if something is selected
  area.value = text;
  area.className = "hidden";
  const focused = /** @type {HTMLElement|null} */ (document.activeElement);
  document.body.append(area);
  area.select();
  let done = false;
  const onCopy = (/** @type {ClipboardEvent} */ event) => {
    event.preventDefault();
    event.clipboardData?.setData("text/plain", text);
    event.clipboardData?.setData("text/html", html);
    done = true;
  };
  document.addEventListener("copy", onCopy, { once: true });
  const allowed = document.execCommand("copy");
  document.removeEventListener("copy", onCopy);
  area.remove();
  focused?.focus({ preventScroll: true });
  return allowed && done;
}
