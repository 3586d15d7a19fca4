// What was chosen: in the address as well, so that a link leads to the same state.
const element = (id) => document.getElementById("live-" + id);
const says = (key, values = []) => values.reduce((text, value) => text.replace("{}", () => value), live_model.strings[key]);
// The controls that are choices, by their names: what each holds, as text.
const CHOICES = ["layer", "filter", "size", "goal", "engine", "start", "seed", "angle", "optimizer", "rate", "jitter",
  "two", "optimizer2", "rate2", "jitter2", "inside", "channel", "row", "column", "guided", "scale", "skip", "off"];
const value_of = (control) => control.type === "checkbox" ? (control.checked ? "1" : "") : control.value;
const set_value = (control, value) => { if (control.type === "checkbox") control.checked = value === "1"; else control.value = value; };

// { layer: "uconv128", ... } from "#live=layer:uconv128,filter:3&..."; names may hold anything, so they are escaped.
function read_address() {
  const text = new URLSearchParams(location.hash.slice(1)).get("live");
  const pairs = (text ?? "").split(",").map((pair) => pair.split(":"));
  return Object.fromEntries(pairs.filter(([key, value]) => CHOICES.includes(key) && value !== undefined)
    .map(([key, value]) => [key, decodeURIComponent(value)]));
}

// Only what differs from how the page opened; what others keep in the address stays.
function write_address(defaults) {
  const changed = CHOICES.filter((key) => value_of(element(key)) !== defaults[key]);
  const text = changed.map((key) => `${key}:${encodeURIComponent(value_of(element(key)))}`).join(",");
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
