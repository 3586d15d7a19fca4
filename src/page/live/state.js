// What was chosen: in the address as well, so that a link leads to the same state.
const element = (id) => document.getElementById("live-" + id);
const says = (key, values = []) => values.reduce((text, value) => text.replace("{}", () => value), live_model.strings[key]);
// The controls that are choices, by their names: what each holds, as text.
const CHOICES = ["layer", "filter", "size", "goal", "engine", "start", "seed", "angle", "optimizer", "rate", "jitter",
  "two", "optimizer2", "rate2", "jitter2", "inside", "channel", "row", "column", "guided", "scale", "skip", "off"];
const value_of = (control) => control.type === "checkbox" ? (control.checked ? "1" : "") : control.value;
const set_value = (control, value) => { if (control.type === "checkbox") control.checked = value === "1"; else control.value = value; };

// What is chosen otherwise: steps that were run, the one that is shown, the opened node and its pixel, a drawing or photo, and what
// was climbed before the choices changed on the way.
const BESIDES = ["steps", "shown", "open", "own", "past"];

// { layer: "uconv128", ... } from "layer:uconv128,filter:3"; names may hold anything, so they are escaped.
function choices_in(text) {
  const pairs = text.split(",").map((pair) => pair.split(":"));
  return Object.fromEntries(pairs.filter(([key, value]) => [...CHOICES, ...BESIDES].includes(key) && value !== undefined)
    .map(([key, value]) => [key, decodeURIComponent(value)]));
}
const as_text = (pairs) => pairs.map(([key, value]) => `${key}:${encodeURIComponent(value)}`).join(",");
const read_address = () => choices_in(new URLSearchParams(location.hash.slice(1)).get("live") ?? "");

// The controls that differ from how the page opened.
const chosen_text = () =>
  as_text(CHOICES.filter((key) => value_of(element(key)) !== app.defaults[key]).map((key) => [key, value_of(element(key))]));

function besides() {
  const { opened, past, shown, own, climbers: [first] } = app, count = first?.steps.length ?? 0, made = [];
  if (past.length) made.push(["past", past.map(([text, steps]) => `${steps}~${text}`).join(";")]);
  if (count) made.push(["steps", count]);
  if (shown !== count) made.push(["shown", shown]);
  if (opened) made.push(["open", [opened.node, Number(opened.back), ...opened.place ?? []].join(".")]);
  if (own?.text && is_own_start()) made.push(["own", own.text]);
  return as_text(made);
}

// What others keep in the address stays. Not while a link's steps are still run again.
function write_address() {
  if (app.restoring) return;
  const text = [chosen_text(), besides()].filter(Boolean).join(",");
  const kept = location.hash.slice(1).split("&").filter((part) => part.includes("=") && !part.startsWith("live="));
  const hash = [...kept, ...(text ? ["live=" + encodeURIComponent(text)] : [])].join("&");
  history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search);
}

function read_choices() {
  const choice = Object.fromEntries(CHOICES.map((key) => [key, value_of(element(key))]));
  const number = (key, least, most) => Math.min(Math.max(Number(choice[key]) || 0, least), most);
  return {
    ...choice,
    filter: Math.round(number("filter", 0, 1e6)),
    seed: Math.round(number("seed", 0, 2 ** 32 - 1)),
    angle: number("angle", 0, 180),
    place: [Math.round(number("row", 0, 1e6)), Math.round(number("column", 0, 1e6))],
    recipe: { optimizer: choice.optimizer, rate: number("rate", -1e6, 1e6), jitter: Math.round(number("jitter", 0, 64)) },
    second: { optimizer: choice.optimizer2, rate: number("rate2", -1e6, 1e6), jitter: Math.round(number("jitter2", 0, 64)) },
  };
}
