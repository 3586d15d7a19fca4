// Break it: what is switched off, and the check by finite differences.
const CHECK_STEP = 1e-5, CHECK_TOLERANCE = 1e-3;

// The skips that there are to switch off: inputs of concats that are not the last thing computed before them.
function skips_of(climb) {
  const on_way = new Set(nodes_inside(climb).map(({ id }) => id)), skips = [];
  climb.nodes.forEach((node, id) => {
    if (node.op !== "concat" || !on_way.has(id)) return;
    const last = Math.max(...node.in);
    node.in.forEach((x, part) => { if (on_way.has(x) && x !== last) skips.push({ concat: id, part, name: climb.nodes[x].name }); });
  });
  return skips;
}

// The layer's own kernel and bias by "name/channel"; null if there is no such filter on the way.
function filter_off(climb, text) {
  const at = text.lastIndexOf("/"), name = text.slice(0, at), channel = Number(text.slice(at + 1));
  const id = climb.nodes.findIndex(({ name: own, kernel, answers }) =>
    kernel && answers === undefined && (own === name || own.startsWith(name + " ")) && !is_own(kernel));
  if (at < 0 || id < 0 || !(channel >= 0 && channel < climb.nodes[id].shape[2])) return null;
  return { node: id, array: climb.nodes[id].kernel.array, channel, transposed: climb.nodes[id].op === "conv_transpose" };
}

function changes_of(climb, choices) {
  const changes = {}, off = [], unknown = [];
  if (choices.guided) changes.guided = true;
  if (choices.scale) changes.scale = true;
  for (const text of choices.off.split(/[,;\s]+/).filter(Boolean)) {
    const found = filter_off(climb, text);
    if (found) off.push(found); else unknown.push(text);
  }
  if (off.length) changes.off = off;
  const skips = skips_of(climb), select = element("skip"), old = choices.skip;
  select.replaceChildren(new Option(says("skip_none"), ""), ...skips.map(({ name, concat }) => new Option(`${name} → ${climb.nodes[concat].name}`, name)));
  const skip = skips.find(({ name }) => name === old);
  select.value = skip ? old : "";
  if (skip) changes.skips = [[skip.concat, skip.part]];
  element("off").setCustomValidity(unknown.length ? says("unknown_filter", [unknown.join(", ")]) : "");
  element("off").reportValidity();
  return changes;
}

// Backprop against the loss itself, moved a little: at the marked pixel, where the gradient is largest, and along the gradient. The
// differences are taken by the worker, in double precision.
async function check_gradient() {
  const { climb } = app, climber = app.climbers[0], image = Float64Array.from(image_shown(climber)), shape = climb.nodes[climb.image].shape;
  const { gradient } = await climber.measure(app.program, image_shown(climber), { blocked: blocked_by(climb, app.changes.skips) });
  const cpu = await engine_for("cpu"), program = await cpu.load(climb, "open", app.choices.filter, app.changes);
  const [, w, c] = shape, marked = (app.choices.place[0] * w + app.choices.place[1]) * c;
  const largest = gradient.reduce((best, v, i) => Math.abs(v) > Math.abs(gradient[best]) ? i : best, 0);
  const length = Math.hypot(...gradient) || 1, pixel = (i) => [says("check_pixel", [Math.floor(i / c / w), Math.floor(i / c) % w]), (_, k) => k === i ? 1 : 0];
  const ways = [...new Set([Math.min(marked, image.length - 1), largest])].map(pixel);
  ways.push([says("check_direction"), (_, k) => gradient[k] / length]);
  const loss = async (image) => {
    const inputs = [[climb.image, image], ...goal_inputs(climb, climber.recipe)];
    return (await program.run(inputs, [climb.loss])).values.get(climb.loss)[0];
  };
  const rms = rms_of(gradient), rows = [];
  let worst = 0;
  for (const [name, way] of ways) {
    element("checked").replaceChildren(text_of("p", says("checking", [rows.length + 1, ways.length])));
    const v = image.map(way), moved = (h) => image.map((x, i) => x + h * v[i]);
    const difference = (await loss(moved(CHECK_STEP)) - await loss(moved(-CHECK_STEP))) / (2 * CHECK_STEP);
    const backprop = gradient.reduce((sum, g, i) => sum + g * v[i], 0);
    const error = Math.abs(backprop - difference) / Math.max(Math.abs(backprop), Math.abs(difference), rms, 1e-30);
    worst = Math.max(worst, error);
    const cell = text_of("td", short(difference));
    cell.className = error > CHECK_TOLERANCE ? "bad" : "good";
    rows.push([name, short(backprop), cell]);
  }
  const good = worst <= CHECK_TOLERANCE, verdict = text_of("p", says(good ? "check_good" : "check_bad"));
  verdict.className = good ? "good" : "bad";
  element("checked").replaceChildren(verdict, table([says("check_where"), says("check_backprop"), says("check_difference")], rows));
}
