// The page: puts the parts together and draws when something has changed.

import { Arrangement } from "./arrangement.js";
import { Cursor } from "./cursor.js";
import { addStream, showKeys } from "./dialogs.js";
import { byId, write } from "./element.js";
import { Filters } from "./filters.js";
import { Frames } from "./frames.js";
import { Keys } from "./keys.js";
import { Labels } from "./labels.js";
import { Live } from "./live.js";
import { Loader } from "./loader.js";
import { banner, say, toast } from "./notices.js";
import { Player } from "./player.js";
import { Session } from "./session.js";
import { showStream } from "./sheet.js";
import { Table } from "./table.js";
import { theme } from "./theme.js";
import { duration, moment } from "./times.js";
import { read, remember } from "./url.js";
import { Watch } from "./watch.js";

const MISSED_S = 60; // of timeline, before the newest moment that is known

/** What all parts share. */
class Page {
  constructor() {
    const state = read();
    this.view = state.view;
    this.labels = new Labels(this);
    this.frames = new Frames(this);
    this.watch = new Watch();
    this.loader = new Loader();
    this.live = new Live("api/live");
    this.filters = new Filters(state, (label) => this.colour(label));
    this.arrangement = new Arrangement(this, state);
    this.section = this.arrangement.first();
    this.cursor = new Cursor(this);
    this.player = new Player(this);
    this.keys = new Keys(this);
    this.table = new Table(this);
    this.selected = null;
    this.session = new Session(this);
    this.listen();
  }

  get streams() {
    return this.watch.streams;
  }

  get away() {
    return this.watch.away !== null;
  }

  get sections() {
    return this.arrangement.sections;
  }

  listen() {
    const on = (target, name, act) => target.addEventListener(name, act);
    on(this.watch, "streams", () => this.arrange());
    on(this.watch, "begins", () => this.arrangement.settle());
    on(this.watch, "away", ({ detail }) => this.goAway(detail));
    on(this.watch, "back", () => this.comeBack());
    on(this.watch, "sign-in", () => this.session.start());
    on(this.loader, "tile", () => this.redraw());
    on(this.loader, "trouble", ({ detail }) => this.trouble(detail));
    on(this.live, "segment", ({ detail }) => this.tell(detail.stream, (stream) => stream.change(detail)));
    on(this.live, "gap", ({ detail }) => this.tell(detail.stream, (stream) => stream.addGap(detail)));
    on(this.live, "stream", ({ detail }) => this.tellState(detail));
    on(this.live, "ready", ({ detail }) => this.catchUp(detail));
    on(this.live, "lost", () => this.pulse());
    on(this.filters, "change", () => this.arrange());
    for (const { view } of this.sections) on(view, "change", () => this.redraw());
    this.listenToButtons();
  }

  listenToButtons() {
    const click = (id, act) => byId(id).addEventListener("click", act);
    click("to-timeline", () => this.show("timeline"));
    click("to-table", () => this.show("table"));
    click("theme", () => theme.toggle());
    click("help", () => this.showKeys());
    click("add", () => this.add());
  }

  redraw() {
    this.frames.request();
  }

  colour(label) {
    return this.labels.colour(label);
  }

  /** A change of one stream, as it was told live. */
  tell(name, act) {
    const stream = this.streams.get(name);
    if (!stream) return this.watch.poll();
    act(stream);
    this.arrangement.row(stream)?.card.update();
    this.redraw();
  }

  tellState(info) {
    if (info.change === "removed") this.watch.poll();
    else this.tell(info.name, () => this.watch.take(info));
  }

  askTable() {
    const asked = JSON.stringify([this.filters.text, [...this.filters.labels], this.filters.minScore]);
    if (asked === this.asked && this.table.body.children.length) return;
    this.asked = asked;
    this.table.open();
  }

  /** Something else is to be shown, or of it something else is known. */
  arrange() {
    this.arrangement.arrange();
    if (this.section.element.hidden) this.section = this.arrangement.first();
    this.labels.learn();
    if (this.view === "table") this.askTable();
  }

  remember() {
    const [clock, elapsed] = this.arrangement.extents();
    const { text, labels, minScore } = this.filters;
    remember({ view: this.view, filter: text, labels: [...labels], minScore, clock, elapsed });
  }

  show(view) {
    this.view = view;
    byId("timeline").hidden = view === "table";
    byId("table").hidden = view !== "table";
    byId("to-timeline").setAttribute("aria-pressed", String(view === "timeline"));
    byId("to-table").setAttribute("aria-pressed", String(view === "table"));
    this.remember();
    if (view === "table") this.askTable();
    else this.redraw();
  }

  turnView() {
    this.show(this.view === "table" ? "timeline" : "table");
  }

  point(section, row, t, event) {
    if (t === null) return this.cursor.hide();
    this.section = section;
    this.cursor.show(section, row, t, event);
  }

  /** A click on a timeline: a segment is opened, a recording plays from there, a bin is zoomed into. */
  pick(section, row, t, event) {
    row.canvas.focus({ preventScroll: true });
    const segment = row.segmentAt(t, event.offsetY);
    if (segment) this.player.open(section, row, segment);
    else if (row.level(section.width).binS) section.view.zoom(0.25, t);
    else if (row.stream.info.playable) this.player.open(section, row, null, t);
    else this.player.close();
  }

  /** Show a line of the table on the timeline. */
  goTo(item) {
    this.show("timeline");
    const section = this.sections.find((one) => one.rows.has(item.stream));
    const row = section?.rows.get(item.stream);
    if (!row) return;
    this.section = section;
    section.view.show(item.start_time - section.view.lengthS / 2, item.start_time + section.view.lengthS / 2);
    row.element.scrollIntoView({ block: "center" });
    if (item.kind === "segment") this.player.open(section, row, item);
  }

  select(selected) {
    this.selected = selected;
    this.redraw();
  }

  /** Say a segment that was chosen by a key, and show it as the pointer would. */
  describe(row, segment) {
    const { section } = row;
    const t = segment.start_time;
    const box = row.canvas.getBoundingClientRect();
    const clientX = box.left + ((t - section.view.start) / section.view.lengthS) * box.width;
    this.cursor.show(section, row, t, { clientX, clientY: box.bottom });
    const length = duration((segment.end_time ?? row.stream.edge) - t);
    this.say(`${segment.label}, ${length}, from ${moment(t)}, score ${Math.floor(segment.score * 100)} percent`);
  }

  say(sentence) {
    say(sentence);
  }

  toast(sentence) {
    toast(sentence);
  }

  showKeys() {
    showKeys();
  }

  add() {
    if (!this.session.operator) return;
    addStream((name) => {
      toast(`Added ${name}`);
      this.watch.poll();
    });
  }

  showStream(stream) {
    showStream(stream, this.session.operator, () => this.watch.poll()).catch((error) => this.trouble(error));
  }

  /** An error of whatever was asked. */
  trouble(error) {
    if (error.away || error.status === 401) this.watch.failed(error);
    else toast(error.message);
  }

  goAway(error) {
    this.loader.paused = true;
    banner(`${error.message}. Trying again.`);
    this.pulse();
  }

  comeBack() {
    this.loader.paused = false;
    this.loader.retry();
    banner("");
    this.pulse();
    toast("longtake answers again");
    if (this.view === "table") this.table.open();
    this.session.start();
  }

  /** Changes arrive again; what came meanwhile may be missing in the newest tiles. */
  catchUp({ resumed }) {
    if (!resumed) for (const stream of this.streams.values()) stream.tiles.expire(stream.edge - MISSED_S);
    this.pulse();
  }

  /** Say whether changes arrive at once. */
  pulse() {
    const live = this.live.on && !this.away;
    this.loader.live = live;
    byId("pulse").dataset.live = String(live);
    write(byId("pulse"), live ? "live" : this.away ? "away" : "connecting");
    this.redraw();
  }
}

export const page = new Page();
page.session.start();
