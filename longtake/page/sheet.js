// All about one stream: what it does, why it fails, and what an operator can do with it.

import { ask, streamPath } from "./api.js";
import { stateInWords } from "./card.js";
import { closeDialog, form, openDialog, tried } from "./dialogs.js";
import { make, write } from "./element.js";
import { duration, moment } from "./times.js";

/** Open it; `changed` is called when something was done. Raises ApiError. */
export async function showStream(stream, operator, changed) {
  const facts = make("dl", { class: "sheet" }, ...lines(stream, stream.info));
  const dialog = openDialog(stream.name, facts);
  const info = await ask(streamPath(stream.name));
  facts.replaceChildren(...lines(stream, info));
  if (operator) dialog.append(actions(stream.name, info, changed));
}

function lines(stream, info) {
  const facts = [
    ["state", stateInWords(stream)], ["last error", info.error], ["source", info.source],
    ["wanted", info.wanted ?? "nobody wants it watched"], ["tried again", info.retry && `in ${duration(info.retry)}`],
    ["host", info.host], ["watched until", info.until !== null && moment(info.until)],
    ["last write", info.updated && moment(info.updated)], ["segments", String(info.segments)], ["model", info.model],
    ["policy", info.policy], ["frames a second", info.fps && String(info.fps)], ["clock", info.clock],
    ["epoch, step", info.position?.join(", ")],
  ];
  return facts.filter(([, value]) => value).flatMap(([name, value]) =>
    [make("dt", {}, name), make("dd", { class: name === "last error" ? "refusal" : null }, value)]);
}

function actions(name, info, changed) {
  const done = async (call) => {
    await call;
    closeDialog();
    changed();
  };
  const change = (body) => done(ask(streamPath(name), { method: "PATCH", body }));
  const remove = removal(() => done(ask(streamPath(name), { method: "DELETE" })));
  if (info.wanted === null) return make("div", { class: "actions" }, ...remove);
  const choices = [[info.wanted === "paused" ? "Resume" : "Pause", { paused: info.wanted !== "paused" }], ["Restart", { restart: true }]];
  const [likely, other] = info.state === "failed" ? choices.reverse() : choices;
  const button = make("button", { type: "button" }, other[0]);
  const content = form([], likely[0], () => change(likely[1]), ...remove, button);
  button.addEventListener("click", () => tried(content.querySelector(".refusal"), () => change(other[1])));
  return content;
}

/** A button that takes the timeline too, so it asks twice; and where it says that it could not. */
function removal(remove) {
  const button = make("button", { type: "button", class: "danger" }, "Remove…");
  const refusal = make("p", { class: "refusal", role: "alert", hidden: true });
  button.addEventListener("click", () => {
    if (button.dataset.sure) return tried(refusal, remove);
    button.dataset.sure = "yes";
    write(button, "Remove it and its timeline");
  });
  return [refusal, button];
}
