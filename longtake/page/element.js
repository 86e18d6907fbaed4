// Elements from code. Texts are always text: nothing that comes from outside is ever read as HTML.

/** Make an element: properties (`class`, `on…`, `data-…`, `aria-…` as in HTML), then children; strings are text. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) set(element, name, value);
  element.append(...children.filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else element.setAttribute(name, value === true ? "" : value);
}

/** The element of the page with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Change a text only where it differs, so that screen readers and selections are left alone. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
