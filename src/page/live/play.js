// Play: what is chosen becomes a climb, and the climb is shown.
const app = { engines: {}, engine: null, program: null, climbers: [], choices: null, changes: {}, shown: 0, running: false, own: null, opened: null, past: [] };

// One thing after the other: whatever computes waits for what was asked before.
let waiting = Promise.resolve();
const queued = (work) => waiting = waiting.then(work).catch(failed);

async function failed(error) {
  if (app.engine?.kind === "gpu") return use_cpu(says("lost", [error.message]));
  stop();
  element("who").textContent = says("broken", [error.message]);
  live.error = error;
}

// The GPU went away, or never was: the worker goes on, with an image that it can manage.
async function use_cpu(why) {
  const old = app.engine;
  app.engines.gpu = null;
  element("engine").value = "cpu";
  element("engine").querySelector("[value=gpu]").disabled = true;
  app.why = why;
  if (old?.kind === "gpu") { app.program = app.aside = null; old.destroy(); }
  shrink_for_cpu();
  await reload(true);
}

// The processor takes at most 64x64, if there is a choice.
function shrink_for_cpu() {
  const sizes = live_model.layers[+element("layer").value].sizes, size = element("size");
  const small = sizes.findIndex(({ size: [h, w] }) => h * w <= 64 * 64);
  if (small > +size.value) size.value = small;
}

async function engine_for(kind) {
  if (kind === "gpu" && app.engines.gpu !== null) {
    const lost = (why) => { if (app.engine === app.engines.gpu && app.engine) queued(() => use_cpu(says("lost", [why]))); };
    app.engines.gpu ??= await Gpu.open(live_model, lost).catch(() => null);
    if (app.engines.gpu) return app.engines.gpu;
  }
  return app.engines.cpu ??= Cpu.open(live_model);
}

const recipe_of = (choices, which) => ({ ...choices[which], goal: choices.goal, place: map_place(choices), seed: choices.seed });
// The marked pixel on the filter's map, which may be smaller than the image.
function map_place({ place }) {
  const { climb } = app, [h, w] = climb.nodes[climb.image].shape, [mh, mw] = climb.nodes[climb.map].shape;
  return [Math.floor(place[0] * mh / h), Math.floor(place[1] * mw / w)];
}

// Everything anew, as it is chosen. `keep`: the climb goes on from the image that is shown.
async function reload(keep = false) {
  const choices = app.choices = read_choices(), kind = choices.engine;
  const engine = await engine_for(kind);
  const layer = live_model.layers[+choices.layer], climb = climb_of(live_model, +choices.layer, Math.min(+choices.size, layer.sizes.length - 1));
  choices.filter = Math.min(choices.filter, layer.filters - 1);
  app.changes = changes_of(climb, choices);
  // With every value there, if one is looked at or changed; else fused.
  const which = choices.inside || Object.values(app.changes).some((one) => one === true || one?.length) ? "open" : "fast";
  const { program } = app, key = JSON.stringify([choices.layer, choices.size, which, app.changes]);
  if (program && app.engine === engine && app.key === key) {
    if (program.filter !== choices.filter) await program.set_filter(choices.filter);
  } else {
    app.program = null;
    program?.destroy();
    app.aside?.program.destroy();
    app.aside = null;
    app.climb = climb;
    app.engine = engine;
    app.key = key;
    app.program = await engine.load(climb, which, choices.filter, app.changes);
  }
  const shape = climb.nodes[climb.image].shape, old = app.climbers[0];
  const recipes = (choices.two ? ["recipe", "second"] : ["recipe"]).map((which) => recipe_of(choices, which));
  // What the losses so far are the losses of. If that is still so, they stay, and the recipe changes on the way.
  const { goal, place } = recipes[0], count = old?.steps.length, of = JSON.stringify([layer.name, shape, choices.filter, goal, goal === "neuron" && place, app.changes, recipes.length]);
  const climbed = JSON.stringify([of, recipes]);
  if (keep && app.of === of) {
    if (count && app.climbed !== climbed) app.past.push([app.was, count]);
    app.climbers.forEach((climber, i) => climber.follow(recipes[i]));
  } else {
    const fits = keep && old && old.image.length === shape[0] * shape[1] * shape[2];
    if (!fits) app.past = []; else if (app.shown) app.past.push([app.was, app.shown]);
    const start = fits ? image_shown(old) : start_image(live_model, shape, choices, app.own);
    app.climbers = recipes.map((recipe) => new Climber(climb, recipe, start));
    app.shown = 0;
  }
  Object.assign(app, { of, climbed, was: chosen_text() });
  if (app.own && is_own_start()) app.own.text ??= await own_as_text(app.own);
  show_sent();
  write_address();
  fill_ranges(shape);
  for (const climber of app.climbers) await climber.look(app.program, looking(climber));
  show_who();
  await show();
}

const image_shown = (climber) => climber.steps[app.shown]?.image ?? climber.image;

async function step() {
  const began = performance.now();
  for (const climber of app.climbers) {
    if (climber.steps.length >= MOST_STEPS) return stop();
    await climber.step(app.program, looking(climber));
  }
  app.time = (performance.now() - began) / app.climbers.length;
  app.shown = app.climbers[0].steps.length;
  show_who();
  await show();
  if (!app.running) write_address();
}

// What is looked at inside, by the first recipe.
const looking = (climber) => climber === app.climbers[0] ? { look: looks_wanted(), want: values_wanted() } : {};

function stop() { show_running(false); }

// While it runs, the numbers are not read out one after the other.
function show_running(running) {
  app.running = running;
  element("run").textContent = says(running ? "pause" : "run");
  element("run").setAttribute("aria-pressed", running);
  element("said").setAttribute("aria-live", running ? "off" : "polite");
}

async function run() {
  if (app.running) return stop();
  show_running(true);
  while (app.running) {
    // Goes on from the end, wherever the scrubber stands.
    await queued(() => app.running && step());
    await new Promise((done) => requestAnimationFrame(done));
  }
  write_address();
}

function show_who() {
  const { engine } = app, [h, w] = app.climb.nodes[app.climb.image].shape;
  const who = engine.kind === "gpu" ? says("who_gpu", [engine.name]) : says("who_cpu");
  // Only what is new is read out.
  set_text(element("who"), [app.why, who].filter(Boolean).join(" "));
  set_text(element("speed"), app.time ? says("speed", [h, w, app.time < 10 ? app.time.toFixed(1) : Math.round(app.time)]) : "");
}
const set_text = (at, text) => { if (at.textContent !== text) at.textContent = text; };

// What was measured of another image, another pixel or before something was broken says nothing of what is shown now.
function forget_measured() {
  for (const id of ["shares", "checked"]) element(id).replaceChildren();
}

function show() {
  forget_measured();
  const [first, second] = app.climbers, { climb } = app, shape = climb.nodes[climb.image].shape;
  show_climb(first, "");
  element("maps2").hidden = !second;
  if (second) show_climb(second, "2");
  const count = first.steps.length, scrubber = element("scrub"), at = first.steps[app.shown] ?? first.now;
  scrubber.max = count;
  scrubber.value = app.shown;
  const losses = ({ steps, now }) => [...steps.map(({ loss }) => loss), now.loss];
  const style = getComputedStyle(document.documentElement), colour = (name) => style.getPropertyValue(name).trim() || "#0a5fb4";
  curve(element("curve"), app.climbers.map((one, i) => ({ values: losses(one), colour: colour(i ? "--kept" : "--accent") })), app.shown);
  const said = at.rms === 0 ? says("dead") : says("said", [app.shown, count, short(at.loss), short(at.rms)]);
  const other = second ? " " + says("said2", [short((second.steps[app.shown] ?? second.now).loss)]) : "";
  set_text(element("said"), said + other);
  scrubber.setAttribute("aria-valuetext", said);
  mark(element("image"), app.choices.place.map((at, axis) => Math.min(at, shape[axis] - 1)));
  show_inside();
  return show_opened();
}

function show_climb(climber, suffix) {
  const { climb } = app, nodes = climb.nodes, at = climber.steps[app.shown] ?? climber.now;
  paint(element("image" + suffix), image_shown(climber), nodes[climb.image].shape, "viridis");
  paint(element("gradient" + suffix), at.gradient, nodes[climb.image].shape, "coolwarm");
  paint(element("map" + suffix), at.map ?? climber.now.map, nodes[climb.map].shape, "viridis");
}

// What a layer and a size allow.
function fill_ranges([h, w]) {
  const layer = live_model.layers[+app.choices.layer];
  element("filter").max = layer.filters - 1;
  element("filter").value = app.choices.filter;
  for (const [key, side] of [["row", h], ["column", w]]) {
    element(key).max = side - 1;
    element(key).value = Math.min(element(key).value, side - 1);
  }
  element("recipe2").hidden = !app.choices.two;
}

function fill_sizes() {
  const size = element("size"), old = size.value, { sizes } = live_model.layers[+element("layer").value];
  size.replaceChildren(...sizes.map(({ size: [h, w] }, i) => new Option(`${h}×${w}`, i)));
  size.value = sizes[old] ? old : 0;
}

// A mark moved by pointer or keys; with "drawn" it leaves ink.
function draw_at([row, column], inked) {
  const shape = app.climb.nodes[app.climb.image].shape, [h, w, c] = shape;
  [row, column] = [Math.min(Math.max(row, 0), h - 1), Math.min(Math.max(column, 0), w - 1)];
  [element("row").value, element("column").value] = [row, column];
  app.choices.place = [row, column];
  forget_measured();
  if (inked) {
    const drawn = app.own?.drawn && app.own.shape.join() === shape.join() ? app.own.values : new Float32Array(h * w * c);
    const reach = Math.max(1, Math.round(Math.min(h, w) / 32));
    for (let r = -reach; r <= reach; r++)
      for (let s = -reach; s <= reach; s++)
        if (r * r + s * s <= reach * reach && row + r >= 0 && row + r < h && column + s >= 0 && column + s < w)
          for (let o = 0; o < c; o++) drawn[((row + r) * w + column + s) * c + o] = 1;
    app.own = { values: drawn, shape, drawn: true };
    paint(element("image"), drawn, shape, "viridis");
  } else if (app.climbers[0]) {
    paint(element("image"), image_shown(app.climbers[0]), shape, "viridis");
  }
  mark(element("image"), app.choices.place);
}

function restart_from_own() {
  stop();
  queued(() => reload());
}

async function take_photo(file) {
  const { size } = live_model.layers[0].sizes[0];
  try {
    app.own = await photo_of(file, size);
  } catch (error) {
    return set_text(element("said"), `${file.name}: ${error.message}`);
  }
  element("start").value = "photo";
  restart_from_own();
}
