"use strict";
// The lesson's script. It steps through the network, computes the worked examples anew when a cell is changed, checks the answers
// to the exercises, and leads through the tour. All that the reader chooses stands in the address.
document.documentElement.classList.add("script");
const data = JSON.parse(document.getElementById("data").textContent);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const fill = (text, values) => values.reduce((text, value) => text.replace("{}", () => value), text);
const still = matchMedia("(prefers-reduced-motion: reduce)");

// --- The address: "#at=d12&op=relu&rule.relu=..." what was chosen, "#node-12" a place of the page ---
const chosen = new Map();
let writing;
const holds_choices = (hash) => hash.includes("=");

function remember(key, value) {
  const before = chosen.get(key);
  if (value === "") chosen.delete(key); else chosen.set(key, String(value));
  if (before === chosen.get(key)) return;
  // A browser takes only so many changes of the address in a while.
  clearTimeout(writing);
  writing = setTimeout(write_address, 200);
}
function write_address() {
  const [page] = location.href.split("#"), all_chosen = new URLSearchParams([...chosen]);
  // What the page computes is kept there, too, by a script of its own.
  const live = new URLSearchParams(location.hash.slice(1)).get("live");
  if (live) all_chosen.set("live", live);
  history.replaceState(null, "", all_chosen.size ? page + "#" + all_chosen : page);
}
function read_address() {
  clearTimeout(writing);
  chosen.clear();
  if (holds_choices(location.hash))
    for (const [key, value] of new URLSearchParams(location.hash.slice(1))) if (value && key !== "live") chosen.set(key, value);
}

