// What opens over the page: signing in, a new stream, the keys.

import { ask } from "./api.js";
import { byId, make, write } from "./element.js";

const KEYS = [
  ["drag", "pan; with Shift: mark a range to zoom to"], ["Ctrl + wheel", "zoom; on the axis also without Ctrl"],
  ["two fingers", "zoom and pan"], ["click", "pick a segment; play a recording from there"],
  ["← →", "pan"], ["+ −", "zoom"], ["N", "follow what happens now"], ["0", "show everything"],
  ["[ ]", "segment before, next segment"], ["Enter", "open what the brackets chose"], ["↑ ↓", "stream above, below"],
  ["T", "timeline or table"], ["/", "filter streams"], ["D", "dark or light"], ["Esc", "close"],
];
const POLICIES = [["", "as the source wants it"], ["wait", "wait (recordings)"], ["drop_oldest", "drop the oldest clip"], ["drop_latest", "drop the newest clip"]];

/** Open the dialog with a title and this content, in place of what it showed. Esc closes it. */
export function openDialog(title, ...content) {
  const dialog = byId("dialog");
  const close = make("button", { type: "button", class: "round close", "aria-label": "Close", onclick: closeDialog }, "×");
  dialog.oncancel = null;
  dialog.replaceChildren(make("div", { class: "dialog-head" }, make("h2", { id: "dialog-title" }, title), close), ...content);
  if (!dialog.open) dialog.showModal();
  return dialog;
}

export function closeDialog() {
  byId("dialog").close();
}

/** A form whose `act` may fail: what the API says is shown in it. */
export function form(content, action, act, ...others) {
  const refusal = make("p", { class: "refusal", role: "alert", hidden: true });
  const button = make("button", { class: "primary" }, action);
  const element = make("form", {}, ...content, refusal, make("div", { class: "actions" }, ...others, button));
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    refusal.hidden = button.disabled = true;
    await tried(refusal, () => act(new FormData(element)));
    button.disabled = false;
  });
  return element;
}

/** Do something that may be refused, and say there why. */
export async function tried(refusal, act) {
  try {
    await act();
  } catch (error) {
    write(refusal, error.message);
    refusal.hidden = false;
  }
}

function field(label, control, hint) {
  control.id = `field-${control.name}`;
  if (hint) control.setAttribute("aria-describedby", `${control.id}-hint`);
  return make("div", { class: "field" }, make("label", { for: control.id }, label), control,
    hint && make("small", { id: `${control.id}-hint` }, hint));
}

function check(name, text) {
  return make("label", { class: "check" }, make("input", { type: "checkbox", name }), text);
}

/** Ask for a token until one is right; resolves when signed in. */
export function signIn() {
  return new Promise((resolve) => {
    const token = make("input", { name: "token", type: "password", required: true, autocomplete: "current-password", autofocus: true });
    const act = async (data) => {
      await ask("api/login", { method: "POST", body: { token: data.get("token").trim() } });
      closeDialog();
      resolve();
    };
    const dialog = openDialog("Sign in", form([field("Token", token, "Made with: longtake tokens add NAME")], "Sign in", act));
    dialog.querySelector(".close").remove();
    dialog.oncancel = (event) => event.preventDefault();
  });
}

/** Ask for a new stream; `added` is called with its name. */
export function addStream(added) {
  const text = { required: true, autocomplete: "off", spellcheck: "false" };
  const name = make("input", { name: "name", maxlength: 64, autofocus: true, ...text });
  const uri = make("input", { name: "uri", placeholder: "rtsp://camera/stream or /films/dock.mp4", ...text });
  const hint = "A camera's URI, or a video in a folder that the server allows";
  const act = async (data) => {
    await ask("api/streams", { method: "POST", body: wishOf(data) });
    closeDialog();
    added(data.get("name").trim());
  };
  openDialog("Add a stream", form([field("Name", name), field("Source", uri, hint), choices()], "Add stream", act));
}

function choices() {
  const policy = make("select", { name: "policy" }, ...POLICIES.map(([value, text]) => make("option", { value }, text)));
  const fps = make("input", { name: "fps", type: "number", min: "0.1", max: "240", step: "any" });
  return make("details", {}, make("summary", {}, "More"),
    field("When the model is too slow", policy),
    field("Model", make("input", { name: "model", autocomplete: "off" }), "Registered name or directory; empty: the server's"),
    field("Frames a second", fps, "Empty: the model's"),
    check("realtime", "Read a recording at the pace it was filmed"),
    check("paused", "Do not watch it yet"));
}

function wishOf(data) {
  const wish = { name: data.get("name").trim(), uri: data.get("uri").trim() };
  for (const key of ["policy", "model"]) if (data.get(key)) wish[key] = data.get(key);
  if (data.get("fps")) wish.fps = Number(data.get("fps"));
  for (const key of ["realtime", "paused"]) if (data.get(key)) wish[key] = true;
  return wish;
}

/** What keys and gestures do. */
export function showKeys() {
  openDialog("Keys", make("dl", { class: "sheet keys" },
    ...KEYS.flatMap(([key, what]) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, what)])));
}
