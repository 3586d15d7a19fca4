// --- The tour: from stop to stop with a sentence at each; where motion is not wanted, only when the reader says so ---
const stops = data.tour.map(([where, text]) => ({ text, to: stop_at(where) })).filter(({ to }) => to !== -1);
const play = document.getElementById("tour-play"), onward = document.getElementById("tour-next");
const leave = document.getElementById("tour-stop"), caption = document.getElementById("tour-text");
const about = play.textContent;
// Milliseconds: at a stop long enough to read it; between stops a moment at each node, and not long in all.
const reading = (text) => 2200 + 58 * text.length, STRIDE = 110, TRAVEL = 1500;
let stop = -1, playing = false, timer;

// The place in the walk; null where the page itself is meant, -1 where the network has none such.
function stop_at(where) {
  const [kind, op] = where.split(" "), op_of = (id) => forward.find((node) => node.id === id)?.op;
  if (kind.startsWith("#")) return document.querySelector(kind) ? null : -1;
  const is_gradient = (place) => place.back && !place.after;
  const by = (place) => is_gradient(place) && op_of(place.node.reader) === op;
  return {
    forward: () => walk.findIndex((place) => !is_gradient(place) && place.node.op === op),
    loss: () => walk.findIndex(is_gradient),
    skip: () => walk.findIndex((place) => is_gradient(place) && data.explanation.skips.some((skip) => skip.node === place.node.id)),
    by: () => walk.findIndex(by),
    last: () => walk.findLastIndex(by),
    image: () => walk.findIndex((place) => is_gradient(place) && place.node.op === "input"),
  }[kind]();
}

// Node by node; at once where motion is not wanted, and to the beginning.
function travel(to, stride = Math.min(STRIDE, TRAVEL / Math.abs(to - now))) {
  if (to === null) return rest();
  if (now === to || still.matches || stop === 0) { go(to); return rest(); }
  go(now + Math.sign(to - now));
  timer = setTimeout(() => travel(to, stride), stride);
}
function rest() {
  if (playing && !still.matches) timer = setTimeout(next_stop, reading(stops[stop].text));
}
function next_stop() {
  clearTimeout(timer);
  if (stop + 1 >= stops.length) return end_tour();
  stand_at(stop + 1);
  travel(stops[stop].to);
}
function stand_at(place) {
  stop = place;
  caption.textContent = stops[stop].text;
  document.getElementById("tour-at").textContent = fill(data.strings.tour_at, [stop + 1, stops.length]);
  remember("tour", stop + 1);
  controls();
}
// Where the address says that the tour stands: there it waits.
function restore_tour(place) {
  clearTimeout(timer);
  playing = false;
  if (Number.isInteger(place) && place in stops) stand_at(place); else if (stop >= 0) end_tour();
}
function controls() {
  const under_way = stop >= 0;
  onward.hidden = leave.hidden = caption.hidden = !under_way;
  // Without motion there is nothing to pause.
  play.hidden = under_way && still.matches;
  play.textContent = playing ? "\u275a\u275a " + data.strings.tour_pause : under_way ? "\u25b6 " + data.strings.tour_play : about;
  // One voice at a time.
  document.getElementById("status").setAttribute("aria-live", under_way ? "off" : "polite");
}
function pause() { clearTimeout(timer); playing = false; controls(); }
function end_tour() {
  const had_focus = [play, onward, leave].includes(document.activeElement);
  stop = -1;
  document.getElementById("tour-at").textContent = "";
  remember("tour", "");
  pause();
  if (had_focus) play.focus();
}
play.onclick = () => {
  if (playing) return pause();
  playing = true;
  if (stop < 0) { next_stop(); if (still.matches) onward.focus(); } else { controls(); travel(stops[stop].to); }
};
onward.onclick = next_stop;
leave.onclick = end_tour;
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && stop >= 0) end_tour(); });
interrupt = () => { if (playing) pause(); };

