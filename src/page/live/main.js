// The page's own numbers, unpacked when it opens.
let live_model = null;
async function load_model() {
  const text = (id) => document.getElementById(id).textContent.trim(), helper = new Helper();
  const facts = JSON.parse(new TextDecoder().decode(await unpacked(text("live-facts")))), { arrays: places, beside } = facts;
  const bytes = beside ? await (await fetch(beside)).arrayBuffer() : await helper.order({ what: "unpack", text: text("live-numbers") });
  await helper.order({ what: "numbers", places, bytes });
  return { ...facts, places, bytes, helper, arrays: open_arrays(places, bytes) };
}

async function open_page() {
  live_model = live.model = await load_model();
  const layer = element("layer"), layers = live_model.layers, { start } = live_model;
  layer.replaceChildren(...layers.map(({ name }, i) => new Option(name, i)));
  layer.value = Math.max(layers.findIndex(({ name }) => name === start.layer), 0);
  element("filter").value = start.filter;
  fill_sizes();
  // Marked is the middle of the smallest image: a place that all have, away from their borders.
  const [h, w] = layers[0].sizes.at(-1).size;
  [element("row").value, element("column").value] = [Math.floor(h / 2), Math.floor(w / 2)];
  element("image").title = says("pen");
  const gpu = await engine_for("gpu");
  if (gpu.kind === "cpu") {
    app.engines.gpu = null;
    app.why = says("no_gpu");
    element("engine").value = "cpu";
    element("engine").querySelector("[value=gpu]").disabled = true;
    shrink_for_cpu();
  }
  app.defaults = Object.fromEntries(CHOICES.map((key) => [key, value_of(element(key))]));
  element("tools").hidden = false;
  connect();
  await queued(() => restore(read_address()));
}

// What a link says, over how the page opened.
function choose(sent) {
  const known = (key, value) => element(key).type !== "select-one" || [...element(key).options].some((option) => option.value === value);
  const set = (key, value) => { if (known(key, value)) set_value(element(key), value); };
  for (const [key, value] of Object.entries({ ...app.defaults, ...sent })) {
    if (key === "engine" && !app.engines.gpu || BESIDES.includes(key)) continue;
    // A skip is filled in by its network; until then it stands for itself.
    if (key === "skip" && value) element("skip").append(new Option(value, value));
    set(key, value);
    if (key === "layer") fill_sizes();
  }
}

// Which controls change what is seen alone, and which begin anew.
function connect() {
  const changed = (keep) => { stop(); return queued(() => reload(keep)); };
  const goes_on = ["inside", "channel", "guided", "scale", "skip", "off", "rate", "jitter", "optimizer", "engine", "goal"];
  for (const key of CHOICES)
    element(key).addEventListener("change", () => {
      if (key === "layer") fill_sizes();
      if (key === "layer" || key === "size") app.opened = null;
      if (key === "engine" && element("engine").value === "cpu") { app.why = ""; shrink_for_cpu(); }
      if (key === "start" && element("start").value === "photo" && !app.own) element("photo").click();
      if (key === "row" || key === "column") {
        draw_at([+element("row").value, +element("column").value], false);
        write_address();
        if (element("goal").value !== "neuron") return;
      }
      if (key === "seed") element("start").value = "noise";
      if (key === "angle") element("start").value = "bar";
      changed(goes_on.includes(key));
    });
  element("run").onclick = run;
  element("step").onclick = () => { stop(); queued(step); };
  element("back").onclick = () => { stop(); queued(() => reload()); };
  element("scrub").oninput = () => { stop(); app.shown = +element("scrub").value; queued(show); };
  element("scrub").onchange = () => write_address();
  element("routes").onclick = () => queued(split_routes);
  element("check").onclick = () => queued(check_gradient);
  element("photo").onchange = () => element("photo").files[0] && take_photo(element("photo").files[0]);
  connect_image(element("image"));
  // The lesson's own keys are for its walk.
  document.getElementById("live").addEventListener("keydown", (event) => event.stopPropagation());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => queued(show));
  addEventListener("hashchange", () => {
    if (!location.hash.includes("live=")) return;
    stop();
    queued(() => restore(read_address()));
  });
}

function connect_image(canvas) {
  const draws = () => element("start").value === "drawn";
  let down = false;
  canvas.onpointerdown = (event) => { down = true; stop(); canvas.setPointerCapture(event.pointerId); draw_at(pixel_at(canvas, event), draws()); };
  canvas.onpointermove = (event) => { if (down) draw_at(pixel_at(canvas, event), draws()); };
  canvas.onpointerup = () => {
    if (!down) return;
    down = false;
    write_address();
    if (draws() || element("goal").value === "neuron") queued(() => reload(!draws()));
  };
  canvas.onkeydown = (event) => {
    const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], " ": [0, 0] }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    stop();
    const inked = event.key === " ";
    if (inked) element("start").value = "drawn";
    draw_at(app.choices.place.map((at, axis) => at + by[axis]), inked);
    write_address();
    if (inked) queued(() => reload());
  };
  canvas.ondragover = (event) => { event.preventDefault(); canvas.classList.add("over"); };
  canvas.ondragleave = () => canvas.classList.remove("over");
  canvas.ondrop = (event) => {
    event.preventDefault();
    canvas.classList.remove("over");
    const file = [...event.dataTransfer.files].find(({ type }) => type.startsWith("image/"));
    if (file) take_photo(file);
  };
}

// What tests and curious readers reach.
const live = window.live = { app, climb_of, Climber, Gpu, Cpu, pack, goal_inputs, own_as_text, own_of_text, queued: (work) => queued(work ?? (() => {})) };
live.ready = open_page().catch((error) => {
  live.error = error;
  element("who").textContent = (live_model ? says("broken", [error.message]) : String(error.message));
});
