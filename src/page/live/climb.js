// The climb: gradient, normalise, step; and back again. The twin of src/lens/ascent/.
const EPSILON = 1e-5, BETA_1 = 0.9, BETA_2 = 0.999, ADAM_EPSILON = 1e-8;
// Steps of which image, gradient and map are kept.
const MOST_STEPS = 500;

// A layer's climb at one size, with what both engines need to know.
function climb_of(model, layer, size) {
  const of = model.layers[layer], facts = of.sizes[size];
  if (facts.climb) return facts.climb;
  const own = facts.nodes.findIndex((node) => node.kernel && is_own(node.kernel) && node.answers === undefined);
  const { arrays } = model, bias = of.bias === null ? null : arrays(of.bias);
  return facts.climb = { ...facts, layer: of.name, arrays, bias, own };
}

// What is written to u and v (src/page/live/model.rs): the goal is the mean of y (u + v y).
function goal_inputs(climb, { goal, place }) {
  const shape = climb.nodes[climb.map].shape, count = size_in(shape);
  const u = new Float32Array(count).fill(goal === "mean" ? 1 : 0), v = new Float32Array(count).fill(goal === "square" ? 1 : 0);
  if (goal === "neuron") {
    const [r, s] = place.map((at, axis) => Math.min(Math.max(at, 0), shape[axis] - 1));
    u[(r * shape[1] + s) * shape[2]] = count;
  }
  return [[climb.u, u], [climb.v, v]];
}
const size_in = ([h, w, c]) => h * w * c;

// The image moved down and to the right, round the edges.
function rolled(image, [h, w, c], [down, across]) {
  if (!down && !across) return image;
  const moved = new Float32Array(image.length), mod = (a, n) => ((a % n) + n) % n;
  for (let r = 0; r < h; r++)
    for (let s = 0; s < w; s++)
      for (let o = 0; o < c; o++)
        moved[(mod(r + down, h) * w + mod(s + across, w)) * c + o] = image[(r * w + s) * c + o];
  return moved;
}

const rms_of = (values) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

// A climb by one recipe: { goal, place, optimizer, rate, jitter, seed }.
class Climber {
  constructor(climb, recipe, image) {
    Object.assign(this, { climb, recipe });
    this.restart(image);
  }

  restart(image) {
    this.start = image;
    // Of each step the image before it, and what was measured there.
    this.steps = [];
    this.image = image;
    this.now = null;
    this.forget();
  }

  // Adam's running means, of the gradient, of its square, and of 1.
  forget() {
    const zeros = () => new Float32Array(this.image.length);
    this.memory = { m: zeros(), v: zeros(), cm: [0], cv: [0] };
  }

  // Another recipe from here on.
  follow(recipe) {
    if (recipe.optimizer !== this.recipe.optimizer) this.forget();
    this.recipe = recipe;
  }

  // Where the image is looked at in a step, moved by the jitter.
  shift(step = this.steps.length) {
    const { jitter, seed } = this.recipe;
    if (!jitter) return [0, 0];
    const random = random_stream(seed, step + 1), draw = () => Math.floor(random() * (2 * jitter + 1)) - jitter;
    return [draw(), draw()];
  }

  // Loss, gradient and map of an image as it stands.
  async measure(program, image = this.image, { look = [], blocked = [], want = [], shift = [0, 0] } = {}) {
    const { climb, recipe } = this, shape = climb.nodes[climb.image].shape;
    const inputs = [[climb.image, rolled(image, shape, shift)], ...goal_inputs(climb, recipe)];
    const wanted = [...new Set([climb.loss, climb.gradient, climb.map, ...want])];
    const { values, looks } = await program.run(inputs, wanted, { look, blocked });
    const gradient = rolled(values.get(climb.gradient), shape, shift.map((by) => -by));
    return { loss: values.get(climb.loss)[0], gradient, rms: rms_of(gradient), map: values.get(climb.map), values, looks };
  }

  // What the next step follows: the image as it stands, moved by that step's jitter.
  async look(program, options = {}) {
    this.now = await this.measure(program, this.image, { ...options, shift: this.shift() });
  }

  // One step along what was measured, then the measurement that the next one follows.
  async step(program, options = {}) {
    if (!this.now) await this.look(program);
    const { gradient, rms, loss, map } = this.now;
    const next = await program.follow(this.recipe, this.image, gradient, this.memory);
    this.steps.push({ image: this.image, loss, rms, gradient, map });
    Object.assign(this, next);
    await this.look(program, options);
  }
}

// The step without a GPU: the next image, and what Adam remembers. The twin of src/page/live/steps.rs, in double precision.
function follow({ optimizer, rate }, image, gradient, memory) {
  const moved = (direction) => Float32Array.from(image, (v, i) => v + rate * direction(gradient[i], i));
  if (optimizer !== "adam") {
    const length = rms_of(gradient) + EPSILON;
    return { image: moved((g) => g / length), memory };
  }
  const mean = (old, beta, of) => Float64Array.from(old, (v, i) => beta * v + (1 - beta) * of(i));
  const m = mean(memory.m, BETA_1, (i) => gradient[i]), v = mean(memory.v, BETA_2, (i) => gradient[i] ** 2);
  const cm = mean(memory.cm, BETA_1, () => 1), cv = mean(memory.cv, BETA_2, () => 1);
  return { image: moved((_, i) => m[i] / cm[0] / (Math.sqrt(v[i] / cv[0]) + ADAM_EPSILON)), memory: { m, v, cm, cv } };
}
