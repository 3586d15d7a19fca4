// Arrays, kernels and how kernels are packed: shared by the page and its worker. The twins of src/engine/ops/kernel.rs and
// src/engine/exec/gpu/pack.rs, which say why.
// What lies in the page as text: base64 of gzip.
async function unpacked(text) {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

const quads = (channels) => Math.ceil(channels / 4);

function half(bits) {
  const exponent = bits >> 10 & 31, fraction = bits & 1023;
  const magnitude = exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24;
  return bits & 0x8000 ? -magnitude : magnitude;
}

// The arrays in `bytes`, each made when it is first asked for. `places` say where each lies.
function open_arrays(places, bytes) {
  const made = [];
  const make = ({ at, len, kind }) => {
    if (kind === "f64") return new Float64Array(bytes, at, len);
    if (kind === "f32") return new Float32Array(bytes, at, len);
    return Float32Array.from(new Uint16Array(bytes, at, len), half);
  };
  return (i) => made[i] ??= make(places[i]);
}

// The numbers of a kernel [kh, kw, ci, co], for the chosen filter. `off`: outputs of the layer's own kernel that are switched off,
// as { array, channel, transposed }.
function kernel_values(kernel, { arrays, filter, off = [] }) {
  const [, kh, kw, first_ci, first_co] = kernel.of;
  let real = { kh, kw, ci: first_ci, co: first_co, data: arrays(kernel.array) };
  for (const { channel, transposed } of off.filter((one) => one.array === kernel.array)) {
    const { ci, co } = real;
    real.data = real.data.map((w, i) => (transposed ? Math.floor(i / co) % ci : i % co) === channel ? 0 : w);
  }
  for (const view of kernel.views) real = through(real, view, { arrays, filter });
  return real;
}

function through({ kh, kw, ci, co, data }, view, { arrays, filter }) {
  const build = (ci, co, f) => {
    const made = new Float32Array(kh * kw * ci * co);
    let at = 0;
    for (let i = 0; i < kh; i++)
      for (let j = 0; j < kw; j++)
        for (let c = 0; c < ci; c++)
          for (let o = 0; o < co; o++) made[at++] = f(i, j, c, o);
    return { kh, kw, ci, co, data: made };
  };
  const get = (i, j, c, o) => data[((i * kw + j) * ci + c) * co + o];
  const { groups } = view;
  switch (view.view) {
    case "flipped": {
      const of_group = co / groups;
      return build(of_group, ci * groups, (i, j, o, c) =>
        get(kh - 1 - i, kw - 1 - j, c % ci, Math.floor(c / ci) * of_group + o));
    }
    case "outputs":
      return build(ci, view.len, (i, j, c, o) => get(i, j, c, view.start + o));
    case "own_outputs": {
      const group = Math.floor(filter / (co / groups));
      return build(ci * groups, 1, (i, j, c) => Math.floor(c / ci) === group ? get(i, j, c % ci, filter) : 0);
    }
    case "own_inputs": {
      const group = Math.floor(filter / ci);
      return build(1, co, (i, j, _, o) => Math.floor(o / (co / groups)) === group ? get(i, j, filter % ci, o) : 0);
    }
    case "scaled": {
      const scale = arrays(view.scale);
      return build(ci, co, (i, j, c, o) => get(i, j, c, o) * scale[o]);
    }
  }
}

// Does it look different for another filter?
const is_own = (kernel) => kernel.views.some((view) => view.view.startsWith("own"));

// Each pixel's `c` channels filled up with zeros to whole quads, and cut down again.
function fill_up(values, c) {
  const padded = quads(c) * 4, pixels = values.length / c;
  if (padded === c) return Float32Array.from(values);
  const filled = new Float32Array(pixels * padded);
  for (let p = 0; p < pixels; p++) for (let k = 0; k < c; k++) filled[p * padded + k] = values[p * c + k];
  return filled;
}
function cut_down(values, c) {
  const padded = quads(c) * 4, pixels = values.length / padded;
  if (padded === c) return values.slice();
  const cut = new Float32Array(pixels * c);
  for (let p = 0; p < pixels; p++) for (let k = 0; k < c; k++) cut[p * c + k] = values[p * padded + k];
  return cut;
}

// A constant as its shader reads it.
function pack(constant, settings) {
  if ("numbers" in constant) return Float32Array.from(settings.arrays(constant.numbers));
  if ("pixels" in constant) return fill_up(settings.arrays(constant.pixels), constant.c);
  const kernel = kernel_values(constant.kernel, settings), { packing } = constant, { kh, kw, ci, co, data } = kernel;
  const taps4 = quads(kh * kw) * 4;
  if (packing === "taps_as_inputs") {
    const width = quads(co) * 4, packed = new Float32Array(taps4 * width);
    for (let tap = 0; tap < kh * kw; tap++)
      for (let o = 0; o < co; o++) packed[tap * width + o] = data[tap * co + o];
    return packed;
  }
  if (packing.taps_as_outputs) {
    const { first, ci: inputs } = packing.taps_as_outputs, packed = new Float32Array(quads(inputs) * 4 * taps4);
    for (let tap = 0; tap < kh * kw; tap++)
      for (let c = 0; c < inputs; c++) packed[c * taps4 + tap] = data[tap * ci + first + c];
    return packed;
  }
  return packing.winograd ? pack_winograd(kernel, packing.winograd.parts) : pack_taps(kernel, packing.taps);
}

function pack_taps({ kw, ci, co, data }, { rows, columns, first, inputs, outputs, groups, transposed }) {
  const depth = groups === 1 ? quads(inputs) * 4 : inputs, width = outputs === 1 ? 1 : quads(outputs) * 4;
  const packed = new Float32Array(rows.length * columns.length * depth * width);
  const at = transposed
    ? (tap, c, o) => (tap * ci + o % ci) * co + Math.floor(o / ci) * (co / groups) + c
    : (tap, c, o) => (tap * ci + c) * co + o;
  rows.forEach((is, u) => columns.forEach((js, v) => {
    const base = (u * columns.length + v) * depth * width;
    for (let c = 0; c < inputs; c++)
      for (let o = 0; o < outputs; o++) {
        let sum = 0;
        for (const i of is) for (const j of js) sum += data[at(i * kw + j, first + c, o)];
        packed[base + c * width + o] = sum;
      }
  }));
  return packed;
}

// Winograd's G: row p is (1, p, p^2) / product of (p - every other point); the last point is infinity.
const POINTS = [0, 2 / 3, -2 / 3, 1.5, -1.5];
const WINOGRAD = [...POINTS.map((p, i) => {
  const others = POINTS.filter((_, j) => j !== i).reduce((product, other) => product * (p - other), 1);
  return [1 / others, p / others, p * p / others];
}), [0, 0, 1]];

// U = G W G' as [place, ci, co]: the channels of each part filled up to whole quads.
function pack_winograd({ ci, co, data }, parts) {
  const rows = [];
  let next = 0;
  for (const part of parts) {
    for (let c = 0; c < part; c++) rows.push(next++);
    while (rows.length % 4) rows.push(null);
  }
  const width = quads(co) * 4, packed = new Float32Array(36 * rows.length * width), sum = new Float64Array(co);
  for (let place = 0; place < 36; place++) {
    const [row, column] = [WINOGRAD[Math.floor(place / 6)], WINOGRAD[place % 6]];
    rows.forEach((c, at) => {
      if (c === null) return;
      sum.fill(0);
      for (let tap = 0; tap < 9; tap++) {
        const factor = row[Math.floor(tap / 3)] * column[tap % 3], from = (tap * ci + c) * co;
        if (factor) for (let o = 0; o < co; o++) sum[o] += factor * data[from + o];
      }
      packed.set(sum, (place * rows.length + at) * width);
    });
  }
  return packed;
}
