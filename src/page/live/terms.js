// One value of a node taken apart: a sum of terms, [label, value]. The forward rules and the gradient's, of every op.
// So many terms are named, the largest first; the others are added up.
const SHOWN = 8;

function largest_first(terms, rest = "others") {
  if (terms.length <= SHOWN) return terms;
  const sorted = [...terms].sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])), others = sorted.slice(SHOWN);
  return [...sorted.slice(0, SHOWN), [says(rest, [others.length]), others.reduce((sum, [, v]) => sum + v, 0)]];
}

// What a node's rule reads around the place [r, s, o] of its value: `at(k, row, column, channel)` a value of input k, 0 outside;
// `here(k)` the one in the same place, an axis of one entry repeated.
function reading(x, shapes, [r, s, o]) {
  const at = (k, row, column, channel) => {
    const [h, w, c] = shapes[k];
    return row < 0 || row >= h || column < 0 || column >= w || channel < 0 || channel >= c ? 0 : x[k][(row * w + column) * c + channel];
  };
  const here = (k) => at(k, Math.min(r, shapes[k][0] - 1), Math.min(s, shapes[k][1] - 1), Math.min(o, shapes[k][2] - 1));
  return { at, here };
}

function terms_of(node, x, shapes, place) {
  if (node.op === "conv2d" || node.op === "conv_transpose") return convolved(node, reading(x, shapes, place).at, place);
  if (node.f) return { terms: [of_function(node, reading(x, shapes, place).here)] };
  const terms = (TERMS[node.op] ?? (() => []))(node, reading(x, shapes, place), { x, shapes, place });
  return { terms, note: node.op === "max_pool" ? winner_told(node, reading(x, shapes, place), shapes, place) : null };
}

const name_of = (node, k = 0) => app.climb.nodes[node.in[k]].name;
const place_text = (...place) => `(${place.join(", ")})`;

const TERMS = {
  fill: (node) => [[short(node.value), node.value]],
  constant: (node, _, { place: [r, s, o] }) => {
    const value = app.climb.arrays(node.data)[(r * node.shape[1] + s) * node.shape[2] + o];
    return [[node.name, value]];
  },
  batch_norm: (node, { here }, { place: [, , o] }) => {
    const scale = app.changes.scale && is_scaling(app.climb, node) ? 1 : app.climb.arrays(node.scale)[o], shift = app.climb.arrays(node.shift)[o];
    return [[`${short(scale)} · ${short(here(0))}`, scale * here(0)], [short(shift), shift]];
  },
  relu: (_, { here }) => [[`max(${short(here(0))}, 0)`, Math.max(here(0), 0)]],
  relu_grad: (_, { here }) => {
    const open = here(1) > 0 && !(app.changes.guided && here(0) <= 0);
    return [[`${short(here(0))} · ${open ? 1 : 0}   (y = ${short(here(1))})`, open ? here(0) : 0]];
  },
  sigmoid: (_, { here }) => [[`1 / (1 + exp(−(${short(here(0))})))`, sigmoid(here(0))]],
  sigmoid_grad: (_, { here }) => {
    const [dy, y] = [here(0), here(1)];
    return [[`${short(dy)} · ${short(y)} · (1 − ${short(y)})`, dy * y * (1 - y)]];
  },
  // e to each number, less the largest of those that are compared, over the sum of them all.
  softmax: ({ axes }, { at, here }, { shapes: [[h, w, c]], place: [r, s, o] }) => {
    const along = (axis, own, size) => axes[axis] ? [...Array(size).keys()] : [own], rivals = [];
    for (const row of along(0, r, h)) for (const column of along(1, s, w)) for (const channel of along(2, o, c)) rivals.push(at(0, row, column, channel));
    const most = rivals.reduce((most, v) => Math.max(most, v), -Infinity), sum = rivals.reduce((sum, v) => sum + Math.exp(v - most), 0);
    return [[`exp(${short(here(0))} − ${short(most)}) / ${short(sum)}`, Math.exp(here(0) - most) / sum]];
  },
  max_pool: (node, reads, { shapes, place }) => {
    const seen = pooled_at(node, reads, shapes, place).map(({ v }) => v);
    return [[`max(${seen.slice(0, SHOWN).map(short).join(", ")}${seen.length > SHOWN ? ", …" : ""})`, seen.reduce((a, b) => Math.max(a, b))]];
  },
  max_pool_grad: (node, _, { x, shapes, place }) => winners_of(node, x, shapes, place),
  upsample: (node, { at }, { place: [r, s, o] }) => {
    const [row, column] = [Math.floor(r / node.window[0]), Math.floor(s / node.window[1])];
    return [[`${name_of(node)} ${place_text(row, column)}`, at(0, row, column, o)]];
  },
  sum_pool: ({ window: [kh, kw] }, { at }, { place: [r, s, o] }) => {
    const terms = [];
    for (let i = 0; i < kh; i++) for (let j = 0; j < kw; j++) terms.push([place_text(r * kh + i, s * kw + j), at(0, r * kh + i, s * kw + j, o)]);
    return largest_first(terms);
  },
  concat: (node, { at }, { shapes, place: [r, s, o] }) => {
    let start = 0;
    const part = shapes.findIndex(([, , c]) => o < start + c || (start += c, false));
    const off = (app.changes.skips ?? []).some(([concat, k]) => app.climb.nodes[concat] === node && k === part);
    return [[`${name_of(node, part)} [${o - start}]`, off ? 0 : at(part, r, s, o - start)]];
  },
  slice: (node, { at }, { place: [r, s, o] }) => {
    const from = [r, s, o].map((v, axis) => v + node.start[axis]);
    return [[`${name_of(node)} ${place_text(...from)}`, at(0, ...from)]];
  },
  pad: (node, { at }, { place: [r, s, o] }) => {
    const from = [r, s, o].map((v, axis) => v - node.before[axis]);
    return [[`${name_of(node)} ${place_text(...from)}`, at(0, ...from)]];
  },
  reshape: (node, _, { x, place: [r, s, o] }) => {
    const [, w, c] = node.shape;
    return [[name_of(node), x[0][(r * w + s) * c + o]]];
  },
  permute: (node, { at }, { place }) => {
    const from = [0, 0, 0];
    node.order.forEach((axis, k) => from[axis] = place[k]);
    return [[`${name_of(node)} ${place_text(...from)}`, at(0, ...from)]];
  },
  broadcast: (node, { here }) => [[name_of(node), here(0)]],
  add: (node, { here }) => node.in.map((_, k) => [name_of(node, k), here(k)]),
  mul: (_, { here }) => [[`${short(here(0))} · ${short(here(1))}`, here(0) * here(1)]],
  scale: ({ factor }, { here }) => [[`${short(factor)} · ${short(here(0))}`, factor * here(0)]],
  mean: (_, { at }, { x: [x], shapes: [[, w, c]] }) => largest_first(Array.from(x, (v, i) =>
    [`${short(v)} / ${x.length}   ${place_text(Math.floor(i / c / w), Math.floor(i / c) % w, i % c)}`, v / x.length])),
  spread: ({ shape }, _, { x: [x] }) => [[`${short(x[0])} / ${size_in(shape)}`, x[0] / size_in(shape)]],
  sum: ({ shape }, { at }, { shapes: [of], place }) => {
    const along = (axis) => shape[axis] === 1 ? [...Array(of[axis]).keys()] : [place[axis]], terms = [];
    for (const row of along(0)) for (const column of along(1)) for (const channel of along(2))
      terms.push([place_text(row, column, channel), at(0, row, column, channel)]);
    return largest_first(terms);
  },
  // A row of the matrix times a column or a row of pixels.
  transform: ({ down, columns, data }, { at }, { place: [r, s, o] }) => {
    const m = app.climb.arrays(data), terms = [];
    for (let k = 0; k < columns; k++) {
      const weight = m[(down ? r : s) * columns + k], place = down ? [k, s] : [r, k], value = at(0, ...place, o);
      if (weight) terms.push([`${short(weight)} · ${short(value)}   ${place_text(...place)}`, weight * value]);
    }
    return largest_first(terms);
  },
};

// What a window of max pool sees, in reading order: { v, row, column }.
function pooled_at({ window: [kh, kw], stride, pad }, { at }, [[h, w]], [r, s, o]) {
  const seen = [];
  for (let i = 0; i < kh; i++)
    for (let j = 0; j < kw; j++) {
      const [row, column] = [r * stride[0] + i - pad[0], s * stride[1] + j - pad[1]];
      if (row >= 0 && row < h && column >= 0 && column < w) seen.push({ v: at(0, row, column, o), row, column });
    }
  return seen;
}

// Where its gradient goes: to the first largest.
function winner_told(node, reads, shapes, place) {
  const { row, column } = pooled_at(node, reads, shapes, place).reduce((best, one) => one.v > best.v ? one : best);
  return says("winner", [row, column, name_of(node)]);
}

function of_function({ f, p, gradient }, here) {
  const [value, slope] = FUNCTIONS[f];
  if (!gradient) return [`${f}(${short(here(0))})`, value(here(0), p)];
  return [`${short(here(0))} · ${short(slope(here(1), p))}   (x = ${short(here(1))})`, here(0) * slope(here(1), p)];
}

// The windows of which this value is the first maximum, and the gradient that arrives at each.
function winners_of({ window, stride, pad }, [dy, x], [of_dy, of_x], [r, s, o]) {
  const terms = [];
  for (let i = 0; i < of_dy[0]; i++)
    for (let j = 0; j < of_dy[1]; j++) {
      const [top, left] = [i * stride[0] - pad[0], j * stride[1] - pad[1]];
      if (r < top || r >= top + window[0] || s < left || s >= left + window[1]) continue;
      let best = null;
      for (let a = Math.max(top, 0); a < Math.min(top + window[0], of_x[0]); a++)
        for (let b = Math.max(left, 0); b < Math.min(left + window[1], of_x[1]); b++) {
          const v = x[(a * of_x[1] + b) * of_x[2] + o];
          if (best === null || v > best.v) best = { v, a, b };
        }
      const won = best.a === r && best.b === s, arrives = dy[(i * of_dy[1] + j) * of_dy[2] + o];
      terms.push([`${short(arrives)} · ${won ? 1 : 0}`, won ? arrives : 0]);
    }
  return largest_first(terms);
}

// Of a convolution, or the transpose of one: channel by channel the patch of the input times the kernel's slice. The strongest
// are named, the others added up; of the strongest the patch itself.
function convolved(node, at, place) {
  const { climb, choices, changes } = app, kernel = kernel_values(node.kernel, { arrays: climb.arrays, filter: choices.filter, off: changes.off });
  const { first, count, cells } = (node.op === "conv2d" ? meeting : meeting_transposed)(node, kernel, at, place), sums = [];
  for (let c = first; c < first + count; c++) sums.push([c, cells(c).reduce((sum, [x, w]) => sum + x * w, 0)]);
  const strongest = sums.reduce((best, one) => Math.abs(one[1]) > Math.abs(best[1]) ? one : best)[0];
  const terms = largest_first(sums.map(([c, sum]) => [says("of_channel", [c]), sum]), "rest");
  if (node.bias !== null) {
    const [, , o] = place, bias = is_own(node.kernel) ? climb.bias[choices.filter] : climb.arrays(node.bias)[o];
    const off = (changes.off ?? []).some((one) => one.node === climb.nodes.indexOf(node) && one.channel === o);
    terms.push([says("bias"), off ? 0 : bias]);
  }
  return { terms, patch: { channel: strongest, kh: kernel.kh, kw: kernel.kw, cells: cells(strongest) } };
}

// The input channels that the output's group reads, and for each the pairs of pixel and weight, tap by tap.
function meeting({ stride, dilation, pad, groups }, { kh, kw, ci, co, data }, at, [r, s, o]) {
  const first = Math.floor(o / (co / groups)) * ci;
  const cells = (channel) => Array.from({ length: kh * kw }, (_, tap) => {
    const [i, j] = [Math.floor(tap / kw), tap % kw];
    const [row, column] = [r * stride[0] + i * dilation[0] - pad[0], s * stride[1] + j * dilation[1] - pad[1]];
    return [at(0, row, column, channel), data[(tap * ci + channel - first) * co + o]];
  });
  return { first, count: ci, cells };
}

// The other way round: the pixels whose patches reach this place, each with the weight by which it does; 0 where no pixel's tap does.
function meeting_transposed({ stride, dilation, pad, groups }, { kh, kw, ci, co, data }, at, [r, s, c]) {
  const count = co / groups, first = Math.floor(c / ci) * count;
  const cells = (channel) => Array.from({ length: kh * kw }, (_, tap) => {
    const [i, j] = [Math.floor(tap / kw), tap % kw];
    const [row, column] = [(r + pad[0] - i * dilation[0]) / stride[0], (s + pad[1] - j * dilation[1]) / stride[1]];
    const meets = Number.isInteger(row) && Number.isInteger(column);
    return [meets ? at(0, row, column, channel) : 0, data[(tap * ci + c % ci) * co + channel]];
  });
  return { first, count, cells };
}
