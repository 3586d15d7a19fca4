// Look inside: the nodes as a U, each with a channel forward and back; and one value taken apart into what it is made of.
let inside = { nodes: [], chosen: null };

// The nodes on the way from the image to the map, and the node of each one's gradient.
function nodes_inside(climb) {
  const back = new Map(climb.gradients), on_way = new Array(climb.nodes.length).fill(false);
  on_way[climb.image] = true;
  climb.nodes.forEach((node, id) => { if (id <= climb.map && node.in.some((x) => on_way[x])) on_way[id] = true; });
  return climb.nodes.flatMap((node, id) => on_way[id] && id <= climb.map ? [{ id, back: back.get(id) }] : []);
}

const chosen_channel = () => element("channel").value === "" ? undefined : Number(element("channel").value);

// What is to be looked at in a run: every node forward, then those with a gradient.
function looks_wanted() {
  if (!app.choices.inside) return [];
  inside.nodes = nodes_inside(app.climb);
  const channel = chosen_channel(), look = inside.nodes.map(({ id }) => ({ node: id, channel }));
  return [...look, ...inside.nodes.filter(({ back }) => back !== undefined).map(({ back }) => ({ node: back, channel }))];
}

function show_inside() {
  const box = element("u"), { looks } = app.climbers[0].now ?? {};
  box.hidden = !app.choices.inside || !looks?.length;
  if (box.hidden) return;
  const { climb } = app, wanted = looks_wanted(), by_node = new Map(wanted.map(({ node }, i) => [node, looks[i]]));
  if (box.dataset.of !== app.key) {
    box.dataset.of = app.key;
    const [tall] = climb.nodes[climb.image].shape, row = document.createElement("div");
    row.className = "live-u";
    for (const { id, back } of inside.nodes) {
      const node = climb.nodes[id], button = document.createElement("button");
      button.type = "button";
      button.dataset.node = id;
      button.style.marginTop = `${Math.max(Math.log2(tall / node.shape[0]), 0) * 1.6}rem`;
      button.append(node.name, document.createElement("canvas"), document.createElement("canvas"));
      button.onclick = () => queued(() => open_node(id));
      if (back === undefined) button.lastChild.hidden = true;
      row.append(button);
    }
    box.replaceChildren(row);
    element("close").replaceChildren();
    inside.chosen = null;
  }
  for (const button of box.querySelectorAll("button")) {
    const id = +button.dataset.node, { back } = inside.nodes.find((one) => one.id === id), [forth, home] = button.querySelectorAll("canvas");
    const there = by_node.get(id), gradient = by_node.get(back), { name } = climb.nodes[id];
    paint(forth, there.picture, [there.rows, there.columns, 1], "viridis");
    const labels = [says("node_forward", [name, there.channel])];
    if (gradient) {
      paint(home, gradient.picture, [gradient.rows, gradient.columns, 1], "coolwarm");
      labels.push(says("node_back", [name, gradient.channel]));
    }
    button.setAttribute("aria-label", labels.join("; "));
    button.title = labels.join("\n");
    button.dataset.channel = there.channel;
  }
}

// The values of these nodes for the image that is shown.
async function values_of(nodes, blocked = []) {
  const climber = app.climbers[0], program = await open_program();
  const { values } = await climber.measure(program, image_shown(climber), { want: nodes, blocked });
  return values;
}

// A program with every value there: the one that runs, or one of its own.
async function open_program() {
  if (app.program.which === "open") return app.program;
  const key = app.key + app.choices.filter;
  if (app.aside?.key !== key || app.aside.program.gpu?.is_lost) {
    app.aside?.program.destroy();
    app.aside = { key, program: await app.engine.load(app.climb, "open", app.choices.filter, app.changes) };
  }
  return app.aside.program;
}

async function open_node(id, channel) {
  const { climb } = app, { back } = inside.nodes.find((one) => one.id === id), node = climb.nodes[id];
  const button = element("u").querySelector(`[data-node="${id}"]`);
  channel ??= +button.dataset.channel;
  const ids = back === undefined ? [id] : [id, back], values = await values_of(ids);
  for (const other of element("u").querySelectorAll("button")) other.classList.toggle("on", other === button);
  inside.chosen = { id, back, channel };
  const figures = ids.map((of, i) => {
    const figure = document.createElement("figure"), canvas = document.createElement("canvas"), caption = document.createElement("figcaption");
    const { shape } = climb.nodes[of];
    canvas.tabIndex = 0;
    canvas.dataset.node = of;
    caption.textContent = says(i ? "node_back" : "node_forward", [node.name, channel]);
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", caption.textContent);
    const map = channel_of(values.get(of), shape[2], channel), colours = i ? "coolwarm" : "viridis";
    // At first the place with the largest magnitude.
    const place = map.reduce((best, v, at) => Math.abs(v) > Math.abs(map[best]) ? at : best, 0);
    const marked = [Math.floor(place / shape[1]), place % shape[1]];
    const look = ([r, s]) => {
      [marked[0], marked[1]] = [Math.min(Math.max(r, 0), shape[0] - 1), Math.min(Math.max(s, 0), shape[1] - 1)];
      paint(canvas, map, [shape[0], shape[1], 1], colours);
      mark(canvas, marked);
      return queued(() => explain(of, marked, channel));
    };
    paint(canvas, map, [shape[0], shape[1], 1], colours);
    mark(canvas, marked);
    canvas.onclick = (event) => look(pixel_at(canvas, event));
    canvas.onkeydown = (event) => {
      const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Enter: [0, 0] }[event.key];
      if (by) { event.preventDefault(); look([marked[0] + by[0], marked[1] + by[1]]); }
    };
    figure.append(canvas, caption);
    return figure;
  });
  const box = document.createElement("div"), made = document.createElement("div");
  box.className = "live-close";
  made.id = "live-made";
  made.setAttribute("aria-live", "polite");
  box.append(...figures, made);
  element("close").replaceChildren(box);
}

// A value of a node as a sum of terms, [label, value]; for a convolution also the strongest channel's patch.
async function explain(id, [r, s], channel) {
  const { climb } = app, node = climb.nodes[id], values = await values_of([id, ...node.in]);
  const x = node.in.map((input) => values.get(input)), shapes = node.in.map((input) => climb.nodes[input].shape);
  const [, w, c] = node.shape, value = values.get(id)[(r * w + s) * c + channel];
  const { terms, patch } = terms_of(node, x, shapes, [r, s, channel]);
  const sum = terms.reduce((sum, [, term]) => sum + term, 0);
  const heading = says("made_of", [node.name, r, s, channel, node.op]);
  const rows = terms.map(([label, term]) => [label, short(term)]);
  const total = terms.length ? [[says("sum"), short(sum)], [says("computed"), short(value)]] : [[says("no_terms"), short(value)]];
  element("made").replaceChildren(text_of("p", heading), table([says("term"), says("value")], [...rows, ...total]), ...patch_table(patch));
  element("made").dataset.sum = sum;
  element("made").dataset.value = value;
}

function terms_of(node, x, shapes, [r, s, o]) {
  const at = (k, row, column, channel) => {
    const [h, w, c] = shapes[k];
    return row < 0 || row >= h || column < 0 || column >= w ? 0 : x[k][(row * w + column) * c + channel];
  };
  const here = (k) => at(k, Math.min(r, shapes[k][0] - 1), Math.min(s, shapes[k][1] - 1), Math.min(o, shapes[k][2] - 1));
  const one = (label, value) => ({ terms: [[label, value]] });
  switch (node.op) {
    case "input": return { terms: [] };
    case "conv2d": return convolved(node, at, shapes[0], [r, s, o]);
    case "batch_norm": {
      const scale = app.changes.scale && is_scaling(app.climb, node) ? 1 : app.climb.arrays(node.scale)[o], shift = app.climb.arrays(node.shift)[o];
      return { terms: [[`${short(scale)} · ${short(here(0))}`, scale * here(0)], [short(shift), shift]] };
    }
    case "relu": return one(`max(${short(here(0))}, 0)`, Math.max(here(0), 0));
    case "relu_grad": {
      const open = here(1) > 0 && !(app.changes.guided && here(0) <= 0);
      return one(`${short(here(0))} · ${open ? 1 : 0}   (y = ${short(here(1))})`, open ? here(0) : 0);
    }
    case "max_pool": {
      const { window: [kh, kw], stride, pad } = node, seen = [];
      for (let i = 0; i < kh; i++)
        for (let j = 0; j < kw; j++) {
          const [row, column] = [r * stride[0] + i - pad[0], s * stride[1] + j - pad[1]];
          if (row >= 0 && row < shapes[0][0] && column >= 0 && column < shapes[0][1]) seen.push(at(0, row, column, o));
        }
      return one(`max(${seen.map(short).join(", ")})`, Math.max(...seen));
    }
    case "upsample": return one(`${app.climb.nodes[node.in[0]].name} (${Math.floor(r / node.window[0])}, ${Math.floor(s / node.window[1])})`, at(0, Math.floor(r / node.window[0]), Math.floor(s / node.window[1]), o));
    case "sum_pool": {
      const [kh, kw] = node.window, terms = [];
      for (let i = 0; i < kh; i++) for (let j = 0; j < kw; j++) terms.push([`${r * kh + i}, ${s * kw + j}`, at(0, r * kh + i, s * kw + j, o)]);
      return { terms };
    }
    case "concat": {
      let start = 0;
      const part = shapes.findIndex(([, , c]) => o < start + c || (start += c, false));
      const off = (app.changes.skips ?? []).some(([concat, k]) => app.climb.nodes[concat] === node && k === part);
      return one(`${app.climb.nodes[node.in[part]].name} [${o - start}]`, off ? 0 : at(part, r, s, o - start));
    }
    case "slice": return one(`${app.climb.nodes[node.in[0]].name} [${o + node.start[2]}]`, at(0, r + node.start[0], s + node.start[1], o + node.start[2]));
    case "add": return { terms: node.in.map((input, k) => [app.climb.nodes[input].name, here(k)]) };
    case "mul": return one(`${short(here(0))} · ${short(here(1))}`, here(0) * here(1));
    case "scale": return one(`${short(node.factor)} · ${short(here(0))}`, node.factor * here(0));
    case "max_pool_grad": return { terms: winners_of(node, x, shapes, [r, s, o]) };
    default: return { terms: [] };
  }
}

// The windows of which this value is the first maximum, and the gradient that arrives at each.
function winners_of({ window, stride, pad }, [dy, x], [of_dy, of_x], [r, s, o]) {
  const terms = [];
  for (let i = 0; i < of_dy[0]; i++)
    for (let j = 0; j < of_dy[1]; j++) {
      const [top, left] = [i * stride[0] - pad[0], j * stride[1] - pad[1]];
      if (r < top || r >= top + window[0] || s < left || s >= left + window[1]) continue;
      let best = null;
      for (let a = Math.max(top, 0); a < Math.min(top + window[0], of_x[0]); a++)
        for (let b = Math.max(left, 0); b < Math.min(left + window[1], of_x[1]); b++) {
          const v = x[(a * of_x[1] + b) * of_x[2] + o];
          if (best === null || v > best.v) best = { v, a, b };
        }
      const won = best.a === r && best.b === s, arrives = dy[(i * of_dy[1] + j) * of_dy[2] + o];
      terms.push([`${short(arrives)} · ${won ? 1 : 0}`, won ? arrives : 0]);
    }
  return terms;
}

// Channel by channel: the patch of the input times the kernel's slice. The strongest are named, the others added up.
const SHOWN = 8;
function convolved(node, at, [, , inputs], [r, s, o]) {
  const { climb, choices, changes } = app, kernel = kernel_values(node.kernel, { arrays: climb.arrays, filter: choices.filter, off: changes.off });
  const { kh, kw, ci, co, data } = kernel, of_group = co / node.groups, group = Math.floor(o / of_group), sums = [];
  const cells = (c) => {
    const pairs = [];
    for (let i = 0; i < kh; i++)
      for (let j = 0; j < kw; j++)
        pairs.push([
          at(0, r * node.stride[0] + i * node.dilation[0] - node.pad[0], s * node.stride[1] + j * node.dilation[1] - node.pad[1], group * ci + c),
          data[((i * kw + j) * ci + c) * co + o],
        ]);
    return pairs;
  };
  for (let c = 0; c < Math.min(ci, inputs); c++) sums.push([group * ci + c, cells(c).reduce((sum, [x, w]) => sum + x * w, 0)]);
  sums.sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  const terms = sums.slice(0, SHOWN).map(([c, sum]) => [says("of_channel", [c]), sum]);
  const rest = sums.slice(SHOWN);
  if (rest.length) terms.push([says("rest", [rest.length]), rest.reduce((sum, [, v]) => sum + v, 0)]);
  if (node.bias !== null) {
    const bias = is_own(node.kernel) ? climb.bias[choices.filter] : climb.arrays(node.bias)[o];
    const off = (changes.off ?? []).some((one) => one.node === climb.nodes.indexOf(node) && one.channel === o);
    terms.push([says("bias"), off ? 0 : bias]);
  }
  const strongest = sums[0][0];
  return { terms, patch: { channel: strongest, kh, kw, cells: cells(strongest - group * ci) } };
}

function patch_table(patch) {
  if (!patch) return [];
  const { channel, kh, kw, cells } = patch, rows = [];
  for (let i = 0; i < kh; i++) rows.push(cells.slice(i * kw, (i + 1) * kw).map(([x, w]) => `${short(x)} · ${short(w)}`));
  return [text_of("p", says("patch", [channel])), table(null, rows)];
}

const text_of = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
function table(head, rows) {
  const made = document.createElement("table"), row = (cells, tag) => {
    const line = document.createElement("tr");
    line.append(...cells.map((cell) => cell instanceof Node ? cell : text_of(tag, cell)));
    return line;
  };
  made.className = "facts";
  if (head) made.append(row(head, "th"));
  made.append(...rows.map((cells) => row(cells, "td")));
  return made;
}
