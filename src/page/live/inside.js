// Look inside: the nodes as a U, each with a channel forward and back and the strips of its strongest channels.
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
  if (box.hidden) return close_node();
  const { climb } = app, by_node = new Map(looks_wanted().map(({ node }, i) => [node, looks[i]]));
  if (box.dataset.of !== app.key) {
    box.dataset.of = app.key;
    const row = document.createElement("div");
    row.className = "live-u";
    row.append(...inside.nodes.map(({ id, back }) => drawn_node(climb, id, back)));
    box.replaceChildren(row);
  }
  for (const drawn of box.querySelectorAll(".live-node")) {
    const id = +drawn.dataset.node, { back } = inside.nodes.find((one) => one.id === id), { name } = climb.nodes[id];
    const button = drawn.querySelector("button"), shown = [by_node.get(id), by_node.get(back)].filter(Boolean);
    const labels = shown.map((one, i) => says(i ? "node_back" : "node_forward", [name, one.channel]));
    shown.forEach((one, i) => {
      const size = [one.rows, one.columns, 1], colours = i ? "coolwarm" : "viridis";
      paint(button.querySelectorAll("canvas")[i], one.picture, size, colours);
      fill_strip(drawn.querySelectorAll(".strip")[i], one, size, colours, name);
    });
    button.setAttribute("aria-label", labels.join("; "));
    button.title = labels.join("\n");
    button.dataset.channels = shown.map((one) => one.channel);
  }
}

// A node of the drawing, before anything is painted: a button that opens it, and beside each picture the strip of its strongest channels.
function drawn_node(climb, id, back) {
  const node = climb.nodes[id], [tall] = climb.nodes[climb.image].shape, box = document.createElement("div"), button = document.createElement("button");
  const ways = back === undefined ? ["node_forward"] : ["node_forward", "node_back"];
  const buttons = (count) => Array.from({ length: count }, () => Object.assign(document.createElement("button"), { type: "button" }));
  box.className = "live-node";
  box.dataset.node = button.dataset.node = id;
  box.style.marginTop = `${Math.max(Math.log2(tall / node.shape[0]), 0) * 1.6}rem`;
  button.type = "button";
  button.append(...ways.map(() => document.createElement("canvas")));
  button.onclick = () => open_node(id);
  box.append(text_of("span", node.name), button);
  // One channel alone needs no choice.
  if (node.shape[2] > 1)
    for (const way of ways) {
      const strip = document.createElement("div");
      strip.className = "strip";
      strip.setAttribute("role", "group");
      strip.setAttribute("aria-label", says("strip", [says(way === "node_back" ? "backward" : "forward")]));
      strip.append(...buttons(Math.min(STRIP, node.shape[2])));
      for (const one of strip.children) {
        one.tabIndex = -1;
        one.append(document.createElement("canvas"));
        one.onclick = () => choose_channel(one);
      }
      box.append(strip);
    }
  // Tab goes from node to node; within one, arrows.
  box.onkeydown = (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key], all = [...box.querySelectorAll("button")];
    if (!by) return;
    event.preventDefault();
    all[all.indexOf(document.activeElement) + by]?.focus();
  };
  return box;
}

function fill_strip(strip, { channel, strip: strongest }, size, colours, name) {
  strongest.forEach((one, i) => {
    const button = strip?.children[i];
    if (!button) return;
    paint(button.firstChild, one.picture, size, colours);
    button.dataset.channel = one.channel;
    button.title = says("of_strip", [name, one.channel, short(one.strength)]);
    button.setAttribute("aria-label", button.title);
    button.setAttribute("aria-pressed", one.channel === channel);
  });
}

// In all nodes, so that neighbours can be compared; once more, and each shows its strongest again.
function choose_channel({ dataset: { channel } }) {
  const field = element("channel");
  field.value = field.value === channel ? "" : channel;
  field.dispatchEvent(new Event("change"));
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
