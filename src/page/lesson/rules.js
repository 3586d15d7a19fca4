// --- The ops: y from the inputs x; dx from dy. Arrays are flat, [h, w, c]; f is the example's facts, p its settings ---
// A link [output, input, cell, weight, setting] says that an output reads a cell. Of a linear op it is all there is to say.
const slope_of = (link, p) => link[3] * (link[4] === null ? 1 : p[link[4]]);
const zeros = (xs) => xs.map((x) => x.map(() => 0));

// y: what each link carries forward, added up; dx: what it carries back, by the same slope.
const forth = (f, carry, start = 0) => {
  const y = f.y.values.map(() => start);
  for (const link of f.links) y[link[0]] += carry(link);
  return y;
};
const back = (f, x, dy, slope) => {
  const dx = zeros(x);
  for (const link of f.links) dx[link[1]][link[2]] += dy[link[0]] * slope(link);
  return dx;
};
const linear = {
  y: (f, x, p) => forth(f, (link) => slope_of(link, p) * x[link[1]][link[2]], f.op === "batch_norm" ? p[1] : 0),
  dx: (f, x, dy, p) => back(f, x, dy, (link) => slope_of(link, p)),
};
// A function of each number by itself, and its slope.
const pointwise = (value, slope) => ({
  y: (f, x, p) => forth(f, (link) => value(x[0][link[2]], p)),
  dx: (f, x, dy, p) => back(f, x, dy, (link) => slope(x[0][link[2]], p)),
});
// For each output the cell that it takes: the first maximum of those that it reads.
const winners = (f, [x]) => {
  const won = [];
  for (const [o, , i] of f.links) if (won[o] === undefined || x[i] > x[won[o]]) won[o] = i;
  return won;
};
// The other factor: the cell of the other input that the same output reads.
const other = (f, x, [o, k]) => { const [, , i] = f.links.find((link) => link[0] === o && link[1] !== k); return x[1 - k][i]; };

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const clamp = (x, least, most) => Math.min(Math.max(x, least), most);
const hard = (x) => clamp(x / 6 + 0.5, 0, 1);
// The probability that a standard normal variable is below x: a series without cancellation. And its slope.
const below = (x) => {
  if (Math.abs(x) > 12) return x > 0 ? 1 : 0;
  let term = x, sum = x;
  for (let n = 3; Math.abs(term) > 1e-17 * Math.abs(sum); n += 2) sum += term *= x * x / n;
  return 0.5 + sum * bell(x);
};
const bell = (x) => Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
const inner = (x) => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
const SELU = [1.0507009873554805, 1.6732632423543772];

// The four cells of the 2x2 window that holds cell i of rows of w, in reading order; and the first of the largest.
const window_of = (i, w) => { const at = i - i % (2 * w) + i % w - i % w % 2; return [at, at + 1, at + w, at + w + 1]; };
const winner_of = (x, i, w) => window_of(i, w).reduce((best, k) => x[k] > x[best] ? k : best);

const rules = {
  relu: pointwise((x) => Math.max(x, 0), (x) => x > 0 ? 1 : 0),
  sigmoid: pointwise(sigmoid, (x) => sigmoid(x) * (1 - sigmoid(x))),
  general_relu: pointwise(
    (x, [slope, threshold, max = Infinity]) => x >= max ? max : x <= threshold ? slope * (x - threshold) : x,
    (x, [slope, threshold, max = Infinity]) => x >= max ? 0 : x <= threshold ? slope : 1),
  leaky_relu: pointwise((x, [slope]) => x > 0 ? x : slope * x, (x, [slope]) => x > 0 ? 1 : slope),
  elu: pointwise((x, [alpha]) => x >= 0 ? x : alpha * Math.expm1(x), (x, [alpha]) => x >= 0 ? 1 : alpha * Math.exp(x)),
  selu: pointwise((x) => SELU[0] * (x >= 0 ? x : SELU[1] * Math.expm1(x)), (x) => SELU[0] * (x >= 0 ? 1 : SELU[1] * Math.exp(x))),
  tanh: pointwise(Math.tanh, (x) => 1 - Math.tanh(x) ** 2),
  exp: pointwise(Math.exp, Math.exp),
  softplus: pointwise(softplus, sigmoid),
  softsign: pointwise((x) => x / (1 + Math.abs(x)), (x) => (1 + Math.abs(x)) ** -2),
  silu: pointwise((x) => x * sigmoid(x), (x) => sigmoid(x) + x * sigmoid(x) * (1 - sigmoid(x))),
  gelu: pointwise((x) => x * below(x), (x) => below(x) + x * bell(x)),
  gelu_tanh: pointwise((x) => x * (1 + Math.tanh(inner(x))) / 2, (x) => {
    const t = Math.tanh(inner(x));
    return (1 + t + x * (1 - t * t) * Math.sqrt(2 / Math.PI) * (1 + 0.134145 * x * x)) / 2;
  }),
  hard_sigmoid: pointwise((x, [slope]) => clamp(slope * x + 0.5, 0, 1), (x, [slope]) => Math.abs(slope * x) < 0.5 ? slope : 0),
  hard_swish: pointwise((x) => x * hard(x), (x) => hard(x) + (Math.abs(x) < 3 ? x / 6 : 0)),
  mish: pointwise((x) => x * Math.tanh(softplus(x)), (x) => {
    const t = Math.tanh(softplus(x));
    return t + x * (1 - t * t) * sigmoid(x);
  }),
  abs: pointwise(Math.abs, Math.sign),
  log: pointwise(Math.log, (x) => 1 / x),
  sqrt: pointwise(Math.sqrt, (x) => 0.5 / Math.sqrt(x)),
  reciprocal: pointwise((x) => 1 / x, (x) => -1 / (x * x)),
  softmax: {
    y: (f, [x]) => {
      const most = Math.max(...x), sums = forth(f, ([, , i]) => Math.exp(x[i] - most));
      return x.map((v, o) => Math.exp(v - most) / sums[o]);
    },
    dx: (f, [x], dy) => {
      const y = rules.softmax.y(f, [x]), agreed = forth(f, ([, , i]) => dy[i] * y[i]);
      return [y.map((y, i) => y * (dy[i] - agreed[i]))];
    },
  },
  max_pool: {
    y: (f, x) => winners(f, x).map((i) => x[0][i]),
    dx: (f, x, dy) => { const won = winners(f, x); return back(f, x, dy, ([o, , i]) => won[o] === i ? 1 : 0); },
  },
  // y = [x, upsample(max_pool(x))]: channel 0 goes across the skip, channel 1 by way of the pool.
  "used-twice": {
    y: (f, [x]) => x.flatMap((v, i) => [v, x[winner_of(x, i, f.x[0].shape[1])]]),
    parts: (f, [x], dy) => {
      const skip = x.map((_, i) => dy[2 * i]), pool = x.map(() => 0);
      x.forEach((_, i) => { pool[winner_of(x, i, f.x[0].shape[1])] += dy[2 * i + 1]; });
      return [skip, pool];
    },
    dx: (f, x, dy) => { const [a, b] = rules["used-twice"].parts(f, x, dy); return [a.map((v, i) => v + b[i])]; },
  },
  mul: {
    y: (f, x) => forth(f, (link) => link[1] ? 0 : x[0][link[2]] * other(f, x, link)),
    dx: (f, x, dy) => back(f, x, dy, (link) => other(f, x, link)),
  },
};

