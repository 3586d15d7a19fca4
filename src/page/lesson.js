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
  if (event.target.closest("input, button[data-op]") || event.ctrlKey || event.metaKey || event.altKey) return;
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
  if (target.classList.contains("op")) show(target.dataset.op);
  return i >= 0;
}
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  // A node of the drawing shows its card without leaving the drawing.
  if (link && follow(link.getAttribute("href")) && link.classList.contains("node")) event.preventDefault();
});
addEventListener("hashchange", () => follow(location.hash));

// --- One op at a time ---
function show(op) {
  for (const article of all(".op")) article.hidden = article.dataset.op !== op;
  for (const tab of all(".tabs button")) tab.setAttribute("aria-pressed", tab.dataset.op === op);
}
for (const tab of all(".tabs button")) tab.onclick = () => show(tab.dataset.op);

// --- The ops: y from the inputs x; dx from dy. Arrays are flat, [h, w, c]; f is the example's facts ---
const at = (shape, r, s) => r >= 0 && s >= 0 && r < shape[0] && s < shape[1] ? r * shape[1] + s : -1;
const each = (shape, f) => { for (let r = 0; r < shape[0]; r++) for (let s = 0; s < shape[1]; s++) f(r, s, r * shape[1] + s); };
const add = (into, i, value) => { into[i] += value; };

// The sum over the kernel: forward (sign 1) it gathers x, backward (sign -1) dy through the same weights.
function conv(f, from, W, sign) {
  const [kh, kw] = f.settings.shape, out = from.map(() => 0);
  each(f.x[0].shape, (r, s, o) => {
    for (let i = 0; i < kh; i++) for (let j = 0; j < kw; j++) {
      const p = at(f.x[0].shape, r + sign * (i - (kh - 1) / 2), s + sign * (j - (kw - 1) / 2));
      if (p >= 0) out[o] += from[p] * W[i * kw + j];
    }
  });
  return out;
}
// The window's first maximum, for each output.
function winners(f, x) {
  const [h, w] = f.window, won = [];
  each(f.y.shape, (r, s) => {
    let best = at(f.x[0].shape, r * h, s * w);
    for (let i = 0; i < h; i++) for (let j = 0; j < w; j++) {
      const p = at(f.x[0].shape, r * h + i, s * w + j);
      if (x[p] > x[best]) best = p;
    }
    won.push(best);
  });
  return won;
}
// For each output of an upsampling, the input that it repeats.
const repeats = (f) => { const from = []; each(f.y.shape, (r, s) => from.push(at(f.x[0].shape, Math.floor(r / f.window[0]), Math.floor(s / f.window[1])))); return from; };
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const scatter = (length, from, dy) => { const dx = Array(length).fill(0); from.forEach((p, o) => add(dx, p, dy[o])); return dx; };

const rules = {
  conv2d: { y: (f, [x], W) => conv(f, x, W, 1), dx: (f, [x], dy, W) => [conv(f, dy, W, -1)] },
  batch_norm: { y: (f, [x], [scale, shift]) => x.map((v) => scale * v + shift), dx: (f, [x], dy, [scale]) => [dy.map((v) => scale * v)] },
  relu: { y: (f, [x]) => x.map((v) => Math.max(v, 0)), dx: (f, [x], dy) => [dy.map((v, i) => x[i] > 0 ? v : 0)] },
  sigmoid: { y: (f, [x]) => x.map(sigmoid), dx: (f, [x], dy) => [dy.map((v, i) => v * sigmoid(x[i]) * (1 - sigmoid(x[i])))] },
  max_pool: { y: (f, [x]) => winners(f, x).map((p) => x[p]), dx: (f, [x], dy) => [scatter(x.length, winners(f, x), dy)] },
  upsample: { y: (f, [x]) => repeats(f).map((p) => x[p]), dx: (f, [x], dy) => [scatter(x.length, repeats(f), dy)] },
  concat: {
    y: (f, xs) => xs[0].flatMap((_, i) => xs.map((x) => x[i])),
    dx: (f, xs, dy) => xs.map((x, k) => x.map((_, i) => dy[i * xs.length + k])),
  },
  mean: { y: (f, [x]) => [x.reduce((sum, v) => sum + v, 0) / x.length], dx: (f, [x], dy) => [x.map(() => dy[0] / x.length)] },
  add: { y: (f, [a, b]) => a.map((v, i) => v + b[i]), dx: (f, xs, dy) => [dy, dy] },
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
  const f = data.worked.find((worked) => worked.op === box.dataset.op), rule = rules[f.op];
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
    const slopes = (k, i) => {
      const plus = moved(k, i, STEP), minus = moved(k, i, -STEP);
      return plus.map((v, o) => (v - minus[o]) / (2 * STEP));
    };
    const differences = x.map((values, k) => values.map((_, i) => slopes(k, i).reduce((sum, slope, o) => sum + dy[o] * slope, 0)));
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
    // The chain rule for the marked input.
    const slope = slopes(marked.k, marked.i), touched = slope.map((v, o) => o).filter((o) => Math.abs(slope[o]) > 1e-9);
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
    // The entries of a kernel through which it moves them: the same kernel, turned by half a turn.
    if (f.op === "conv2d") {
      const [kh, kw] = f.settings.shape, w = f.x[0].shape[1], row = (i) => Math.floor(i / w);
      const entry = (o) => (row(marked.i) - row(o) + (kh - 1) / 2) * kw + marked.i % w - o % w + (kw - 1) / 2;
      on("settings", 0, touched.map(entry));
    }
    const short = (v) => show_number(Math.abs(v) < 1e-9 ? 0 : v).replace("-", "\u2212"), s = data.strings;
    const factor = (v) => v < -1e-9 ? "(" + short(v) + ")" : short(v);
    const terms = touched.map((o) => factor(dy[o]) + "·" + factor(slope[o])).join(" + ");
    const sum = touched.reduce((sum, o) => sum + dy[o] * slope[o], 0);
    const text = touched.length ? fill(s.chain, [touched.length, terms, short(sum)]) : s.chain_none;
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
if (data.worked.length) show(data.worked[0].op);
go(0);
follow(location.hash);
