"use strict";
// Steps through the network, and computes the worked examples anew when a cell is changed.
// The rules below are the engine's reference loops in a few lines each; tests/lesson_page.rs compares them with it.
document.documentElement.classList.add("script");
const data = JSON.parse(document.getElementById("data").textContent);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const fill = (text, values) => values.reduce((text, value) => text.replace("{}", () => value), text);

// --- The walk: every node forward, then those with a gradient backward ---
const forward = data.explanation.forward;
const walk = forward.map((node, i) => ({ node, i, back: false }));
forward.forEach((node, i) => { if (node.gradient !== null) walk.splice(forward.length, 0, { node, i, back: true }); });
const [there, home] = all(".u"), slider = document.getElementById("slider");
slider.max = walk.length - 1;
let now = 0;

function go(to) {
  now = Math.min(Math.max(to, 0), walk.length - 1);
  const { node, i, back } = walk[now];
  slider.value = now;
  there.hidden = back;
  home.hidden = !back;
  const reached = (k) => back ? k >= i : k <= i;
  for (const mark of all(".node")) {
    const k = +mark.dataset.i;
    mark.classList.toggle("now", k === i);
    mark.classList.toggle("later", !reached(k));
    if (k === i) mark.setAttribute("aria-current", "step"); else mark.removeAttribute("aria-current");
  }
  for (const path of all(".map path"))
    path.classList.toggle("later", !(reached(+path.dataset.from) && reached(+path.dataset.to)));
  const cards = document.querySelector(".cards");
  cards.classList.toggle("forth", !back);
  cards.classList.toggle("backwards", back);
  for (const card of all(".card")) card.classList.toggle("now", +card.dataset.i === i);
  const s = data.strings, name = back ? "d " + node.name : node.name;
  const text = fill(s.status, [now + 1, walk.length, name, back ? s.backward : s.forward]);
  document.getElementById("status").textContent = text;
  slider.setAttribute("aria-valuetext", text);
}
document.getElementById("previous").onclick = () => go(now - 1);
document.getElementById("next").onclick = () => go(now + 1);
slider.oninput = () => go(+slider.value);
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, button[data-topic]") || event.ctrlKey || event.metaKey || event.altKey) return;
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (by) { event.preventDefault(); go(now + by); }
});

// Links to nodes and ops: from the drawing, the cards, or the address.
function follow(hash) {
  const target = hash && document.getElementById(hash.slice(1));
  if (!target) return;
  const i = forward.findIndex((node) => hash === "#node-" + node.id);
  const back = walk[now].back && forward[i] && forward[i].gradient !== null;
  if (i >= 0) go(walk.findIndex((place) => place.i === i && place.back === back));
  if (target.classList.contains("op")) show(target.dataset.topic);
  return i >= 0;
}
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  // A node of the drawing shows its card without leaving the drawing.
  if (link && follow(link.getAttribute("href")) && link.classList.contains("node")) event.preventDefault();
});
addEventListener("hashchange", () => follow(location.hash));

// --- One op at a time ---
function show(topic) {
  for (const article of all(".op")) article.hidden = article.dataset.topic !== topic;
  for (const tab of all(".tabs button")) tab.setAttribute("aria-pressed", tab.dataset.topic === topic);
}
for (const tab of all(".tabs button")) tab.onclick = () => show(tab.dataset.topic);

// --- The ops: y from the inputs x; dx from dy. Arrays are flat, [h, w, c]; f is the example's facts, p its settings ---
// A link [output, input, cell, weight, setting] says that an output reads a cell. Of a linear op it is all there is to say.
const slope_of = (link, p) => link[3] * (link[4] === null ? 1 : p[link[4]]);
const zeros = (xs) => xs.map((x) => x.map(() => 0));

// y: what each link carries forward, added up; dx: what it carries back, by the same slope.
const forth = (f, carry, start = 0) => {
  const y = f.y.values.map(() => start);
  for (const link of f.links) y[link[0]] += carry(link);
  return y;
};
const back = (f, x, dy, slope) => {
  const dx = zeros(x);
  for (const link of f.links) dx[link[1]][link[2]] += dy[link[0]] * slope(link);
  return dx;
};
const linear = {
  y: (f, x, p) => forth(f, (link) => slope_of(link, p) * x[link[1]][link[2]], f.op === "batch_norm" ? p[1] : 0),
  dx: (f, x, dy, p) => back(f, x, dy, (link) => slope_of(link, p)),
};
// A function of each number by itself, and its slope.
const pointwise = (value, slope) => ({
  y: (f, x, p) => forth(f, (link) => value(x[0][link[2]], p)),
  dx: (f, x, dy, p) => back(f, x, dy, (link) => slope(x[0][link[2]], p)),
});
// For each output the cell that it takes: the first maximum of those that it reads.
const winners = (f, [x]) => {
  const won = [];
  for (const [o, , i] of f.links) if (won[o] === undefined || x[i] > x[won[o]]) won[o] = i;
  return won;
};
// The other factor: the cell of the other input that the same output reads.
const other = (f, x, [o, k]) => { const [, , i] = f.links.find((link) => link[0] === o && link[1] !== k); return x[1 - k][i]; };

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const clamp = (x, least, most) => Math.min(Math.max(x, least), most);
const hard = (x) => clamp(x / 6 + 0.5, 0, 1);
// The probability that a standard normal variable is below x: a series without cancellation. And its slope.
const below = (x) => {
  if (Math.abs(x) > 12) return x > 0 ? 1 : 0;
  let term = x, sum = x;
  for (let n = 3; Math.abs(term) > 1e-17 * Math.abs(sum); n += 2) sum += term *= x * x / n;
  return 0.5 + sum * bell(x);
};
const bell = (x) => Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
const inner = (x) => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
const SELU = [1.0507009873554805, 1.6732632423543772];

const rules = {
  relu: pointwise((x) => Math.max(x, 0), (x) => x > 0 ? 1 : 0),
  sigmoid: pointwise(sigmoid, (x) => sigmoid(x) * (1 - sigmoid(x))),
  general_relu: pointwise(
    (x, [slope, threshold, max = Infinity]) => x >= max ? max : x <= threshold ? slope * (x - threshold) : x,
    (x, [slope, threshold, max = Infinity]) => x >= max ? 0 : x <= threshold ? slope : 1),
  leaky_relu: pointwise((x, [slope]) => x > 0 ? x : slope * x, (x, [slope]) => x > 0 ? 1 : slope),
  elu: pointwise((x, [alpha]) => x >= 0 ? x : alpha * Math.expm1(x), (x, [alpha]) => x >= 0 ? 1 : alpha * Math.exp(x)),
  selu: pointwise((x) => SELU[0] * (x >= 0 ? x : SELU[1] * Math.expm1(x)), (x) => SELU[0] * (x >= 0 ? 1 : SELU[1] * Math.exp(x))),
  tanh: pointwise(Math.tanh, (x) => 1 - Math.tanh(x) ** 2),
  exp: pointwise(Math.exp, Math.exp),
  softplus: pointwise(softplus, sigmoid),
  softsign: pointwise((x) => x / (1 + Math.abs(x)), (x) => (1 + Math.abs(x)) ** -2),
  silu: pointwise((x) => x * sigmoid(x), (x) => sigmoid(x) + x * sigmoid(x) * (1 - sigmoid(x))),
  gelu: pointwise((x) => x * below(x), (x) => below(x) + x * bell(x)),
  gelu_tanh: pointwise((x) => x * (1 + Math.tanh(inner(x))) / 2, (x) => {
    const t = Math.tanh(inner(x));
    return (1 + t + x * (1 - t * t) * Math.sqrt(2 / Math.PI) * (1 + 0.134145 * x * x)) / 2;
  }),
  hard_sigmoid: pointwise((x, [slope]) => clamp(slope * x + 0.5, 0, 1), (x, [slope]) => Math.abs(slope * x) < 0.5 ? slope : 0),
  hard_swish: pointwise((x) => x * hard(x), (x) => hard(x) + (Math.abs(x) < 3 ? x / 6 : 0)),
  mish: pointwise((x) => x * Math.tanh(softplus(x)), (x) => {
    const t = Math.tanh(softplus(x));
    return t + x * (1 - t * t) * sigmoid(x);
  }),
  abs: pointwise(Math.abs, Math.sign),
  log: pointwise(Math.log, (x) => 1 / x),
  sqrt: pointwise(Math.sqrt, (x) => 0.5 / Math.sqrt(x)),
  reciprocal: pointwise((x) => 1 / x, (x) => -1 / (x * x)),
  softmax: {
    y: (f, [x]) => {
      const most = Math.max(...x), sums = forth(f, ([, , i]) => Math.exp(x[i] - most));
      return x.map((v, o) => Math.exp(v - most) / sums[o]);
    },
    dx: (f, [x], dy) => {
      const y = rules.softmax.y(f, [x]), agreed = forth(f, ([, , i]) => dy[i] * y[i]);
      return [y.map((y, i) => y * (dy[i] - agreed[i]))];
    },
  },
  max_pool: {
    y: (f, x) => winners(f, x).map((i) => x[0][i]),
    dx: (f, x, dy) => { const won = winners(f, x); return back(f, x, dy, ([o, , i]) => won[o] === i ? 1 : 0); },
  },
  mul: {
    y: (f, x) => forth(f, (link) => link[1] ? 0 : x[0][link[2]] * other(f, x, link)),
    dx: (f, x, dy) => back(f, x, dy, (link) => other(f, x, link)),
  },
};

// --- The examples ---
const STEP = 1e-4;
function show_number(v) {
  if (v === 0 || !isFinite(v)) return String(v).replace("-0", "0");
  const e = Math.floor(Math.log10(Math.abs(v)));
  const trim = (t) => t.includes(".") ? t.replace(/0+$/, "").replace(/\.$/, "") : t;
  if (e < -4 || e >= 6) { const [m, p] = v.toExponential(3).split("e"); return trim(m) + "e" + +p; }
  return trim(v.toFixed(Math.max(3 - e, 0)));
}

function start(box) {
  const f = data.worked.find((worked) => worked.topic === box.dataset.topic), rule = rules[f.op] ?? linear;
  let marked = { k: 0, i: f.chain.cell };
  const inputs = (role) => all(`[data-role="${role}"] input`, box);
  const read = (role, index) => {
    const values = [];
    for (const input of inputs(role))
      if (+input.closest("table").dataset.index === index) values[+input.dataset.at] = Number(input.value) || 0;
    return values;
  };
  const cells = (role, index) => all(`[data-role="${role}"][data-index="${index}"] td[data-at]`, box);
  const write = (role, index, values) => {
    for (const cell of cells(role, index)) {
      cell.textContent = show_number(values[+cell.dataset.at]);
      cell.dataset.value = values[+cell.dataset.at];
    }
  };
  function compute() {
    const x = f.x.map((_, k) => read("x", k)), dy = read("dy", 0), settings = read("settings", 0);
    const moved = (k, i, h) => rule.y(f, x.map((values, n) => n === k ? values.with(i, values[i] + h) : values), settings);
    const differences = x.map((values, k) => values.map((_, i) => {
      const plus = moved(k, i, STEP), minus = moved(k, i, -STEP);
      return plus.reduce((sum, v, o) => sum + dy[o] * (v - minus[o]) / (2 * STEP), 0);
    }));
    const dx = rule.dx(f, x, dy, settings);
    write("y", 0, rule.y(f, x, settings));
    let kink = false;
    dx.forEach((values, k) => {
      write("dx", k, values);
      write("difference", k, differences[k]);
      for (const cell of cells("difference", k)) {
        const i = +cell.dataset.at, off = Math.abs(differences[k][i] - values[i]) > 1e-3 * (1 + Math.abs(values[i]));
        cell.classList.toggle("off", off);
        kink = kink || off;
      }
    });
    box.querySelector(".kink").hidden = !kink;
    // The chain rule for the marked input: the outputs that read it, and the slope that backprop takes for each.
    const links = f.links.filter((link) => link[1] === marked.k && link[2] === marked.i);
    const touched = [...new Set(links.map((link) => link[0]))];
    const slope = (o) => rule.dx(f, x, dy.map((_, i) => i === o ? 1 : 0), settings)[marked.k][marked.i];
    const terms = touched.map((o) => [dy[o], slope(o)]);
    const on = (role, index, wanted) => {
      for (const cell of all(`[data-role="${role}"] [data-at]`, box)) {
        const same = +cell.closest("table").dataset.index === index && wanted.includes(+cell.dataset.at);
        cell.closest("td").classList.toggle("on", same);
      }
    };
    on("x", marked.k, [marked.i]);
    on("dx", marked.k, [marked.i]);
    on("difference", marked.k, [marked.i]);
    on("y", 0, touched);
    on("dy", 0, touched);
    // The entries of a kernel or a matrix through which they read it.
    on("settings", 0, links.map((link) => link[4]));
    const short = (v) => show_number(Math.abs(v) < 1e-9 ? 0 : v).replace("-", "\u2212"), s = data.strings;
    const factor = (v) => v < -1e-9 ? "(" + short(v) + ")" : short(v);
    const sum = terms.reduce((sum, [dy, slope]) => sum + dy * slope, 0);
    const shown = terms.map(([dy, slope]) => factor(dy) + "\u00b7" + factor(slope)).join(" + ");
    const text = terms.length ? fill(s.chain, [terms.length, shown, short(sum)]) : s.chain_none;
    const chain = box.querySelector(".chain");
    if (chain.textContent !== text) chain.textContent = text;
  }
  for (const input of all("input", box)) {
    input.readOnly = false;
    input.addEventListener("input", compute);
    const table = input.closest("table");
    if (table.dataset.role === "x")
      input.addEventListener("focus", () => { marked = { k: +table.dataset.index, i: +input.dataset.at }; compute(); });
  }
  compute();
}
all(".worked").forEach(start);
if (data.worked.length) show(data.worked[0].topic);
go(0);
follow(location.hash);
