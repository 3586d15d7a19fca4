// The second way: the graph node by node, in double precision, as src/engine/ops/ has it. Slow, and needs nothing. Values are flat
// arrays [h, w, c].
const size_of = ([h, w, c]) => h * w * c;
const zeros = (shape) => new Float64Array(size_of(shape));
const map = (x, f) => { const y = new Float64Array(x.length); for (let i = 0; i < y.length; i++) y[i] = f(x[i], i); return y; };

// f(row, column, channel) for every value of a shape.
function build([h, w, c], f) {
  const y = new Float64Array(h * w * c);
  let at = 0;
  for (let r = 0; r < h; r++) for (let s = 0; s < w; s++) for (let o = 0; o < c; o++) y[at++] = f(r, s, o);
  return y;
}
// A reader of x that repeats axes of one entry.
function reader(x, [h, w, c]) {
  const [down, across, deep] = [h === 1 ? 0 : w * c, w === 1 ? 0 : c, c === 1 ? 0 : 1];
  return (r, s, o) => x[r * down + s * across + o * deep];
}

// y[r, s, o] = b[o] + sum over i, j, c of x[r stride + i dilation - top, ...] W[i, j, c, o]
function conv2d(x, [xh, xw, xc], { data, kh, kw, ci, co }, bias, node) {
  const [h, w] = node.shape, y = zeros(node.shape), [top, left] = node.pad, of_group = co / node.groups;
  for (let r = 0; r < h; r++)
    for (let s = 0; s < w; s++) {
      const to = (r * w + s) * co;
      if (bias) for (let o = 0; o < co; o++) y[to + o] = bias[o];
      for (let i = 0; i < kh; i++) {
        const yy = r * node.stride[0] + i * node.dilation[0] - top;
        if (yy < 0 || yy >= xh) continue;
        for (let j = 0; j < kw; j++) {
          const xx = s * node.stride[1] + j * node.dilation[1] - left;
          if (xx < 0 || xx >= xw) continue;
          const from = (yy * xw + xx) * xc, tap = (i * kw + j) * ci;
          for (let c = 0; c < xc; c++) {
            const v = x[from + c];
            if (v === 0) continue;
            const group = Math.floor(c / ci) * of_group, at = (tap + c % ci) * co + group, base = to + group;
            for (let o = 0; o < of_group; o++) y[base + o] += v * data[at + o];
          }
        }
      }
    }
  return y;
}

// y[r stride + i dilation - top, ..., c] += x[r, s, o] W[i, j, c, o]; y starts as b
function conv_transpose(x, [xh, xw, xc], { data, kh, kw, ci, co }, bias, node) {
  const [h, w, outputs] = node.shape, y = zeros(node.shape), [top, left] = node.pad, of_group = co / node.groups;
  if (bias) for (let at = 0; at < y.length; at++) y[at] = bias[at % outputs];
  for (let r = 0; r < xh; r++)
    for (let s = 0; s < xw; s++)
      for (let i = 0; i < kh; i++) {
        const yy = r * node.stride[0] + i * node.dilation[0] - top;
        if (yy < 0 || yy >= h) continue;
        for (let j = 0; j < kw; j++) {
          const xx = s * node.stride[1] + j * node.dilation[1] - left;
          if (xx < 0 || xx >= w) continue;
          for (let c = 0; c < outputs; c++) {
            const group = Math.floor(c / ci) * of_group, at = ((i * kw + j) * ci + c % ci) * co + group;
            let sum = 0;
            for (let o = 0; o < of_group; o++) sum += x[(r * xw + s) * xc + group + o] * data[at + o];
            y[(yy * w + xx) * outputs + c] += sum;
          }
        }
      }
  return y;
}

// For each output of a max pool, f(where its winner lies): the first maximum of the window, in reading order.
function pooled(x, [xh, xw, c], [h, w], { window, stride, pad }, f) {
  for (let r = 0; r < h; r++)
    for (let s = 0; s < w; s++)
      for (let o = 0; o < c; o++) {
        let best = -1;
        for (let i = 0; i < window[0]; i++)
          for (let j = 0; j < window[1]; j++) {
            const yy = r * stride[0] + i - pad[0], xx = s * stride[1] + j - pad[1];
            if (yy < 0 || yy >= xh || xx < 0 || xx >= xw) continue;
            const at = (yy * xw + xx) * c + o;
            if (best < 0 || x[at] > x[best]) best = at;
          }
        f((r * w + s) * c + o, best);
      }
}

function summed(x, shape, [h, w, c]) {
  const y = zeros([h, w, c]);
  let at = 0;
  for (let r = 0; r < shape[0]; r++)
    for (let s = 0; s < shape[1]; s++)
      for (let o = 0; o < shape[2]; o++)
        y[(Math.min(r, h - 1) * w + Math.min(s, w - 1)) * c + Math.min(o, c - 1)] += x[at++];
  return y;
}

function softmax(x, shape, { axes }) {
  const of = shape.map((side, i) => axes[i] ? 1 : side), place = (r, s, o) =>
    ((axes[0] ? 0 : r) * of[1] + (axes[1] ? 0 : s)) * of[2] + (axes[2] ? 0 : o);
  const most = new Float64Array(size_of(of)).fill(-Infinity), sums = zeros(of);
  const each = build(shape, place);
  x.forEach((v, i) => most[each[i]] = Math.max(most[each[i]], v));
  const e = map(x, (v, i) => Math.exp(v - most[each[i]]));
  e.forEach((v, i) => sums[each[i]] += v);
  return map(e, (v, i) => v / sums[each[i]]);
}

// What a node computes: f(its inputs' values, their shapes, the node, the run).
const OPS = {
  fill: (x, shapes, node) => zeros(node.shape).fill(node.value),
  constant: (x, shapes, node, run) => Float64Array.from(run.arrays(node.data)),
  conv2d: (x, [shape], node, run) => conv2d(x[0], shape, run.kernel(node), run.bias(node), node),
  conv_transpose: (x, [shape], node, run) => conv_transpose(x[0], shape, run.kernel(node), run.bias(node), node),
  batch_norm: ([x], [[, , c]], node, run) => {
    const flat = run.changes.scale && is_scaling(run, node);
    const scale = run.arrays(node.scale), shift = run.arrays(node.shift);
    return map(x, (v, i) => (flat ? 1 : scale[i % c]) * v + shift[i % c]);
  },
  relu: ([x]) => map(x, (v) => v > 0 || Number.isNaN(v) ? v : 0),
  relu_grad: ([dy, y], shapes, node, run) =>
    map(dy, (v, i) => y[i] > 0 && !(run.changes.guided && v <= 0) ? v : 0),
  sigmoid: ([x]) => map(x, sigmoid),
  sigmoid_grad: ([dy, y]) => map(dy, (v, i) => v * y[i] * (1 - y[i])),
  softmax: ([x], [shape], node) => softmax(x, shape, node),
  max_pool: ([x], [shape], node) => {
    const y = zeros(node.shape);
    pooled(x, shape, node.shape, node, (o, at) => y[o] = x[at]);
    return y;
  },
  max_pool_grad: ([dy, x], [of_dy, shape], node) => {
    const dx = zeros(shape);
    pooled(x, shape, of_dy, node, (o, at) => dx[at] += dy[o]);
    return dx;
  },
  upsample: ([x], [[, across, c]], { window: [h, w], shape }) =>
    build(shape, (r, s, o) => x[(Math.floor(r / h) * across + Math.floor(s / w)) * c + o]),
  sum_pool: ([x], [of], { window: [h, w], shape }) => {
    const y = zeros(shape), [, across, c] = shape;
    let at = 0;
    for (let r = 0; r < of[0]; r++)
      for (let s = 0; s < of[1]; s++)
        for (let o = 0; o < c; o++) y[(Math.floor(r / h) * across + Math.floor(s / w)) * c + o] += x[at++];
    return y;
  },
  concat: (xs, shapes, node, run) => {
    const y = zeros(node.shape), [, , c] = node.shape;
    let start = 0;
    xs.forEach((x, part) => {
      const own = shapes[part][2];
      const off = (run.changes.skips ?? []).some(([concat, k]) => concat === node.id && k === part);
      if (!off) for (let i = 0; i < x.length; i++) y[Math.floor(i / own) * c + start + i % own] = x[i];
      start += own;
    });
    return y;
  },
  slice: ([x], [[, w, c]], { start, shape }) =>
    build(shape, (r, s, o) => x[((r + start[0]) * w + s + start[1]) * c + o + start[2]]),
  pad: ([x], [[h, w, c]], { before, shape }) => build(shape, (r, s, o) => {
    const [a, b, d] = [r - before[0], s - before[1], o - before[2]];
    return a < 0 || b < 0 || d < 0 || a >= h || b >= w || d >= c ? 0 : x[(a * w + b) * c + d];
  }),
  reshape: ([x]) => x.slice(),
  permute: ([x], [[, w, c]], { order, shape }) => {
    const steps = order.map((axis) => [w * c, c, 1][axis]);
    return build(shape, (r, s, o) => x[r * steps[0] + s * steps[1] + o * steps[2]]);
  },
  mean: ([x]) => Float64Array.of(x.reduce((sum, v) => sum + v, 0) / x.length),
  spread: ([dy], shapes, node) => zeros(node.shape).fill(dy[0] / size_of(node.shape)),
  sum: ([x], [shape], node) => summed(x, shape, node.shape),
  broadcast: ([x], [shape], node) => build(node.shape, reader(x, shape)),
  add: ([a, b], [of_a, of_b], node) => {
    const [x, y] = [reader(a, of_a), reader(b, of_b)];
    return build(node.shape, (r, s, o) => x(r, s, o) + y(r, s, o));
  },
  mul: ([a, b], [of_a, of_b], node) => {
    const [x, y] = [reader(a, of_a), reader(b, of_b)];
    return build(node.shape, (r, s, o) => x(r, s, o) * y(r, s, o));
  },
  scale: ([x], shapes, node) => map(x, (v) => v * node.factor),
  transform: ([x], [[, w, c]], { down, columns, data, shape }, run) => {
    const m = run.arrays(data);
    return build(shape, (r, s, o) => {
      let sum = 0;
      for (let k = 0; k < columns; k++)
        sum += down ? m[r * columns + k] * x[(k * w + s) * c + o] : m[s * columns + k] * x[(r * w + k) * c + o];
      return sum;
    });
  },
};

function compute(node, x, shapes, run) {
  if (!node.f) {
    if (!OPS[node.op]) throw new Error(`no rule for ${node.op}`);
    return OPS[node.op](x, shapes, node, run);
  }
  const [value, slope] = FUNCTIONS[node.f];
  return node.gradient ? map(x[0], (dy, i) => dy * slope(x[1][i], node.p)) : map(x[0], (v) => value(v, node.p));
}

// A graph for one filter, with what is broken in it.
class Interpreter {
  constructor(climb, filter, changes) {
    Object.assign(this, { climb, nodes: climb.nodes, arrays: climb.arrays, filter, changes, kernels: new Map() });
    this.nodes.forEach((node, id) => node.id = id);
  }

  kernel(node) {
    if (!this.kernels.has(node.id)) {
      const { arrays, filter, changes: { off } } = this, kernel = kernel_values(node.kernel, { arrays, filter, off });
      this.kernels.set(node.id, { ...kernel, data: Float64Array.from(kernel.data) });
    }
    return this.kernels.get(node.id);
  }

  bias(node) {
    if (node.bias === null) return null;
    const bias = Float64Array.from(is_own(node.kernel) ? [this.climb.bias[this.filter]] : this.arrays(node.bias));
    change_numbers(this.climb, node.id, bias, { off: this.changes.off });
    return bias;
  }

  // The values of all nodes that the wanted ones are computed from.
  run(inputs, want, blocked = []) {
    const needed = new Array(this.nodes.length).fill(false), values = new Map(inputs);
    want.forEach((id) => needed[id] = true);
    for (let id = needed.length - 1; id >= 0; id--)
      if (needed[id]) this.nodes[id].in.forEach((x) => needed[x] = true);
    this.nodes.forEach((node, id) => {
      if (!needed[id] || node.op === "input") return;
      const x = node.in.map((x) => values.get(x)), shapes = node.in.map((x) => this.nodes[x].shape);
      values.set(id, blocked.includes(id) ? zeros(node.shape) : compute(node, x, shapes, this));
    });
    return values;
  }
}
