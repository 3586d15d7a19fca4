// A node of the drawing opened: its maps large, forward and back, and one value taken apart into what it is made of. It stays open
// while the climb goes on: app.opened is { node, back, place }, `back` if it is the gradient's value, `place` null for the largest.
const drawn_as = (id) => inside.nodes.find((one) => one.id === id);

// The nodes whose values that needs: forward and back, and what the value that is taken apart is computed from.
function values_wanted() {
  const { opened, climb, choices } = app, drawn = opened && choices.inside && drawn_as(opened.node);
  if (!drawn) return [];
  const of = opened.back ? drawn.back : drawn.id;
  return [...new Set([drawn.id, drawn.back, ...climb.nodes[of].in])].filter((id) => id !== undefined);
}

// Their values for the image that is shown: those of the last run, or of one of their own.
async function values_of(nodes) {
  const [climber] = app.climbers, { now } = climber;
  if (app.shown === climber.steps.length && nodes.every((id) => now.values.has(id))) return now.values;
  const program = await open_program(), shift = climber.shift(app.shown);
  return (await climber.measure(program, image_shown(climber), { want: nodes, shift })).values;
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

function open_node(id, back = false, place = null) {
  app.opened = { node: id, back, place };
  write_address();
  return queued(show_opened);
}

function close_node() {
  element("close").replaceChildren();
}

// Forward and gradient large, each by the channel that the drawing shows, and the value.
async function show_opened() {
  const { climb, opened, choices } = app, drawn = opened && drawn_as(opened.node);
  if (!drawn || !choices.inside) return close_node();
  if (drawn.back === undefined) opened.back = false;
  const ids = drawn.back === undefined ? [drawn.id] : [drawn.id, drawn.back], values = await values_of(values_wanted());
  const button = element("u").querySelector(`[data-node="${drawn.id}"] button`), channels = button.dataset.channels.split(",").map(Number);
  for (const other of element("u").querySelectorAll("[data-node] > button")) other.classList.toggle("on", other === button);
  // Made once for each node, so that whoever is in it stays there.
  const box = element("close"), of = ids.join();
  if (box.firstChild?.dataset.of !== of) box.replaceChildren(close_look(ids, of));
  box.querySelectorAll("figure").forEach((figure, i) => {
    const { shape } = climb.nodes[ids[i]], [canvas, caption] = figure.children, is_taken = opened.back === (i === 1);
    const map = channel_of(values.get(ids[i]), shape[2], channels[i]);
    paint(canvas, map, [shape[0], shape[1], 1], i ? "coolwarm" : "viridis");
    caption.textContent = says(i ? "node_back" : "node_forward", [climb.nodes[drawn.id].name, channels[i]]);
    canvas.setAttribute("aria-label", caption.textContent);
    if (!is_taken) return;
    const largest = map.reduce((best, v, at) => Math.abs(v) > Math.abs(map[best]) ? at : best, 0);
    const place = opened.place?.map((at, axis) => Math.min(at, shape[axis] - 1)) ?? [Math.floor(largest / shape[1]), largest % shape[1]];
    mark(canvas, place);
    take_apart(ids[i], values, [...place, channels[i]]);
  });
}

function close_look(ids, of) {
  const { climb } = app, box = document.createElement("div"), made = document.createElement("div");
  const figures = ids.map((id, i) => {
    const figure = document.createElement("figure"), canvas = document.createElement("canvas"), [h, w] = climb.nodes[id].shape;
    const look = ([r, s]) => open_node(ids[0], i === 1, [Math.min(Math.max(r, 0), h - 1), Math.min(Math.max(s, 0), w - 1)]);
    canvas.tabIndex = 0;
    canvas.dataset.node = id;
    canvas.setAttribute("role", "application");
    canvas.onclick = (event) => look(pixel_at(canvas, event));
    canvas.onkeydown = (event) => {
      const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Enter: [0, 0] }[event.key];
      if (!by) return;
      event.preventDefault();
      // Of the other map first its largest value.
      if (app.opened.back !== (i === 1)) return open_node(ids[0], i === 1);
      const from = app.opened.place ?? JSON.parse(element("made").dataset.place);
      look([from[0] + by[0], from[1] + by[1]]);
    };
    figure.append(canvas, document.createElement("figcaption"));
    return figure;
  });
  box.className = "live-close";
  box.dataset.of = of;
  made.id = "live-made";
  made.setAttribute("aria-live", "polite");
  box.append(...figures, made);
  return box;
}

// A value of a node as a sum of terms, [label, value]; for a convolution also the strongest channel's patch.
function take_apart(id, values, [r, s, channel]) {
  const { climb } = app, node = climb.nodes[id], [, w, c] = node.shape, value = values.get(id)[(r * w + s) * c + channel];
  const x = node.in.map((input) => values.get(input)), shapes = node.in.map((input) => climb.nodes[input].shape);
  const { terms, patch, note } = terms_of(node, x, shapes, [r, s, channel]);
  const sum = terms.reduce((sum, [, term]) => sum + term, 0);
  const heading = says("made_of", [node.name, r, s, channel, node.op]);
  const rows = terms.map(([label, term]) => [label, short(term)]);
  const total = terms.length ? [[says("sum"), short(sum)], [says("computed"), short(value)]] : [[says("no_terms"), short(value)]];
  const made = element("made");
  made.replaceChildren(text_of("p", heading), table([says("term"), says("value")], [...rows, ...total]), ...patch_table(patch));
  if (note) made.append(text_of("p", note));
  Object.assign(made.dataset, { sum, value, place: JSON.stringify([r, s]) });
}

function patch_table(patch) {
  if (!patch) return [];
  const { channel, kh, kw, cells } = patch, rows = [];
  for (let i = 0; i < kh; i++) rows.push(cells.slice(i * kw, (i + 1) * kw).map(([x, w]) => `${short(x)} · ${short(w)}`));
  return [text_of("p", says("patch", [channel])), table(null, rows)];
}
