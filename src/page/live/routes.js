// Follow one pixel: its gradient as a sum over the routes through the network. A route is a choice of one input at each concat that
// the gradient passes; the others are blocked. All routes together are the whole, since backward is linear once the signs and the
// winners are fixed.
const MOST_ROUTES = 16;
const ROUTE_COLOURS = ["#0a84ff", "#d9480f", "#2f9e44", "#ae3ec9", "#e8a200", "#0c8599", "#e03131", "#5f3dc4"];

// The nodes that the gradient reaches with these choices, a Map from concat to part.
function reached(climb, choices) {
  const on = new Set([climb.map]);
  for (let id = climb.map; id >= 0; id--)
    if (on.has(id))
      climb.nodes[id].in.forEach((x, part) => { if (!choices.has(id) || choices.get(id) === part) on.add(x); });
  return on;
}

// Every route, as choices. Null if there are too many.
function routes_of(climb) {
  const on_way = new Set(nodes_inside(climb).map(({ id }) => id)), routes = [];
  const follow = (choices) => {
    if (routes.length > MOST_ROUTES) return;
    const open = [...reached(climb, choices)].filter((id) => climb.nodes[id].op === "concat" && on_way.has(id) && !choices.has(id));
    if (!open.length) return routes.push(choices);
    const concat = Math.max(...open);
    climb.nodes[concat].in.forEach((x, part) => { if (on_way.has(x)) follow(new Map([...choices, [concat, part]])); });
  };
  follow(new Map());
  return routes.length > MOST_ROUTES ? null : routes;
}

// The inputs of its concats that a route does not take.
const blocked_on = (climb, route) => [...route].flatMap(([concat, part]) =>
  climb.nodes[concat].in.map((_, k) => [concat, k]).filter(([, k]) => k !== part));

// By which input it goes at each concat.
const route_name = (climb, route) =>
  [...route].map(([concat, part]) => says("by", [climb.nodes[concat].name, climb.nodes[climb.nodes[concat].in[part]].name])).join(", ");

async function split_routes() {
  const { climb } = app, box = element("shares"), routes = routes_of(climb);
  if (!routes || routes.length < 2) {
    box.replaceChildren(text_of("p", routes ? says("no_routes") : says("too_many", [MOST_ROUTES])));
    return;
  }
  const program = await open_program(), climber = app.climbers[0], image = image_shown(climber), shape = climb.nodes[climb.image].shape;
  const own = app.changes.skips ?? [], backward = async (route) =>
    (await climber.measure(program, image, { blocked: blocked_by(climb, [...own, ...blocked_on(climb, route)]) })).gradient;
  const whole = await backward(new Map()), parts = [];
  for (const route of routes) parts.push({ route, gradient: await backward(route) });
  const place = app.choices.place.map((at, axis) => Math.min(at, shape[axis] - 1));
  const at = (gradient) => { let sum = 0; for (let o = 0; o < shape[2]; o++) sum += gradient[(place[0] * shape[1] + place[1]) * shape[2] + o]; return sum; };
  const most = whole.reduce((most, v) => Math.max(most, Math.abs(v)), 0) || 1;
  const dot = (a) => whole.reduce((sum, v, i) => sum + v * a[i], 0), size = dot(whole) || 1;
  const percent = (v) => Number.isFinite(v) ? says("percent", [(100 * v).toFixed(1)]) : "";
  const line = (name, gradient, colour) => {
    const canvas = document.createElement("canvas"), label = text_of("td", name), cell = document.createElement("td");
    paint(canvas, gradient, shape, "coolwarm", most);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", says("node_back", [name, ""]));
    if (colour) { label.className = "colour"; label.style.setProperty("--route", colour); }
    cell.append(canvas);
    return [label, short(at(gradient)), percent(at(gradient) / at(whole)), percent(dot(gradient) / size), cell];
  };
  const sum = whole.map((_, i) => parts.reduce((sum, { gradient }) => sum + gradient[i], 0));
  const rows = parts.map(({ route, gradient }, i) => line(route_name(climb, route), gradient, ROUTE_COLOURS[i % ROUTE_COLOURS.length]));
  const head = [says("route"), says("at_pixel"), says("share"), says("over_image"), says("gradient")];
  const made = table(head, [...rows, line(says("routes_sum"), sum), line(says("whole"), whole)]);
  made.classList.add("live-share");
  box.replaceChildren(made);
  live.routes = { whole, sum, parts: parts.map(({ gradient }) => gradient), place };
  colour_routes(routes);
}

// In the drawing, under each node, a stripe for every route that passes it.
function colour_routes(routes) {
  const ways = routes.map((route) => reached(app.climb, route));
  for (const button of element("u").querySelectorAll(".live-node")) {
    const stripes = document.createElement("span");
    stripes.className = "stripes";
    ways.forEach((way, i) => {
      const stripe = document.createElement("span");
      if (way.has(+button.dataset.node)) stripe.style.background = ROUTE_COLOURS[i % ROUTE_COLOURS.length];
      stripes.append(stripe);
    });
    button.querySelector(".stripes")?.remove();
    button.append(stripes);
  }
}
