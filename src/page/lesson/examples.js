// --- One op at a time ---
function show(topic) {
  if (!all(".op").some((article) => article.dataset.topic === topic)) topic = data.worked[0]?.topic;
  for (const article of all(".op")) article.hidden = article.dataset.topic !== topic;
  for (const tab of all(".tabs button")) tab.setAttribute("aria-pressed", tab.dataset.topic === topic);
  remember("op", topic === data.worked[0]?.topic ? "" : topic);
}
for (const tab of all(".tabs button")) tab.onclick = () => show(tab.dataset.topic);

// --- The examples ---
const STEP = 1e-4;
function show_number(v) {
  if (v === 0 || !isFinite(v)) return String(v).replace("-0", "0");
  const e = Math.floor(Math.log10(Math.abs(v)));
  const trim = (t) => t.includes(".") ? t.replace(/0+$/, "").replace(/\.$/, "") : t;
  if (e < -4 || e >= 6) { const [m, p] = v.toExponential(3).split("e"); return trim(m) + "e" + +p; }
  return trim(v.toFixed(Math.max(3 - e, 0)));
}

// The place of a cell in an array [h, w, c], as its row and column.
const place_of = (name, at, [, w, c]) => `${name}[${Math.floor(at / c / w)}, ${Math.floor(at / c) % w}]`;

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
    if (rule.parts) rule.parts(f, x, dy).forEach((values, k) => write("part", k, values));
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
    lay_kernel(links, settings);
    const changed = all("input", box).filter((input) => input.value !== input.defaultValue).map((input) => {
      const { role, index } = input.closest("table").dataset;
      return `${role}${index}.${input.dataset.at}:${Number(input.value) || 0}`;
    });
    remember("n." + f.topic, changed.join("_"));
    const is_first = marked.k === 0 && marked.i === f.chain.cell;
    remember("mark." + f.topic, is_first ? "" : marked.k + "." + marked.i);
  }
  // A kernel is turned and laid over dy: each cell shows the weight through which its output read the marked input.
  function lay_kernel(links, settings) {
    if (f.settings_are !== "kernel") return;
    const cells_of_dy = all('[data-role="dy"] input', box);
    for (const cell of cells_of_dy) delete cell.closest("td").dataset.weight;
    const terms = links.map(([o, , , , k]) => {
      const cell = cells_of_dy.find((cell) => +cell.dataset.at === o);
      cell.closest("td").dataset.weight = "\u00d7" + show_number(settings[k]).replace("-", "\u2212");
      return place_of("dy", o, f.y.shape) + "\u00b7" + place_of("W", k, f.settings.shape);
    });
    const text = place_of("dx", marked.i, f.x[0].shape) + " = " + (terms.join(" + ") || "0");
    const shown = box.querySelector(".terms code");
    if (shown.textContent !== text) shown.textContent = text;
  }
  // What the address says.
  function restore() {
    for (const input of all("input", box)) input.value = input.defaultValue;
    for (const entry of (chosen.get("n." + f.topic) ?? "").split("_").filter(Boolean)) {
      const [, role, index, at, value] = entry.match(/^([a-z]+)(\d+)\.(\d+):(.+)$/) ?? [];
      const input = inputs(role).find((input) => input.closest("table").dataset.index === index && input.dataset.at === at);
      if (input && isFinite(value)) input.value = value;
    }
    const [k, i] = (chosen.get("mark." + f.topic) ?? "").split(".").map(Number);
    marked = f.x[k]?.values[i] !== undefined ? { k, i } : { k: 0, i: f.chain.cell };
    compute();
  }
  for (const input of all("input", box)) {
    input.readOnly = false;
    input.addEventListener("input", compute);
    const table = input.closest("table");
    if (table.dataset.role === "x")
      input.addEventListener("focus", () => { marked = { k: +table.dataset.index, i: +input.dataset.at }; compute(); });
  }
  restore();
  return restore;
}

