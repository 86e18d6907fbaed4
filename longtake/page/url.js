// What is on screen, as the address of the page: it can be kept, sent and gone back to.

const PATIENCE_MS = 250;

/** Read the address: {view, filter, labels, minScore, clock, elapsed}; what it is silent about is null or empty. */
export function read(search = location.search) {
  const query = new URLSearchParams(search);
  return {
    view: query.get("view") === "table" ? "table" : "timeline",
    filter: query.get("streams") ?? "",
    labels: query.getAll("label"),
    minScore: Math.min(1, Math.max(0, Number(query.get("min_score")) || 0)),
    clock: extent(query, "after", "before", "last"),
    elapsed: extent(query, "from", "to", null),
  };
}

function extent(query, first, last, following) {
  const lengthS = Number(following && query.get(following));
  if (lengthS > 0) return { lastS: lengthS };
  const [start, end] = [Number(query.get(first) ?? NaN), Number(query.get(last) ?? NaN)];
  return start < end ? { start, end } : null;
}

/** The address of a state, as `read` gives it. */
export function write(state) {
  const query = new URLSearchParams();
  if (state.view === "table") query.set("view", "table");
  if (state.filter) query.set("streams", state.filter);
  for (const label of state.labels) query.append("label", label);
  if (state.minScore) query.set("min_score", String(state.minScore));
  if (state.clock?.lastS) query.set("last", rounded(state.clock.lastS));
  else if (state.clock) setExtent(query, "after", "before", state.clock);
  if (state.elapsed) setExtent(query, "from", "to", state.elapsed);
  const text = query.toString();
  return text ? `?${text}` : location.pathname;
}

function setExtent(query, first, last, { start, end }) {
  query.set(first, rounded(start));
  query.set(last, rounded(end));
}

function rounded(seconds) {
  return String(Math.round(seconds * 10) / 10);
}

let waiting = 0;

/** Put a state into the address, once it has held still for a moment: browsers refuse hundreds of changes. */
export function remember(state) {
  clearTimeout(waiting);
  waiting = setTimeout(() => history.replaceState(null, "", write(state)), PATIENCE_MS);
}
