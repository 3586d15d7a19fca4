// Look inside: the nodes as a U, each with a channel forward and back; and one value taken apart into what it is made of.
let inside = { nodes: [] };

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
    button.dataset.channels = [there, gradient].filter(Boolean).map((one) => one.channel);
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

// Forward and gradient large, each by the channel that the drawing shows.
async function open_node(id) {
  const { climb } = app, { back } = inside.nodes.find((one) => one.id === id), node = climb.nodes[id];
  const button = element("u").querySelector(`[data-node="${id}"]`);
  const channels = button.dataset.channels.split(",").map(Number);
  const ids = back === undefined ? [id] : [id, back], values = await values_of(ids);
  for (const other of element("u").querySelectorAll("button")) other.classList.toggle("on", other === button);
  const figures = ids.map((of, i) => {
    const figure = document.createElement("figure"), canvas = document.createElement("canvas"), caption = document.createElement("figcaption");
    const { shape } = climb.nodes[of], channel = channels[i];
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
