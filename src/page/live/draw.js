// Numbers as pictures and curves.
const colour_of = (name) => live_model.colours[name];

// The values [h, w, c] on a canvas, a pixel for each: one channel or the mean in a colour map, three as colours. `most`: the end of
// the range, for pictures that are compared; signed maps have 0 in the middle.
function paint(canvas, values, [h, w, c], map, most) {
  [canvas.width, canvas.height, canvas.dataset.columns, canvas.dataset.rows] = [w, h, w, h];
  const context = canvas.getContext("2d"), picture = context.createImageData(w, h), colours = colour_of(map);
  const signed = map === "coolwarm", flat = c === 3 && !signed ? values : mean_channel(values, c);
  let low = Infinity, high = -Infinity;
  for (const v of flat) { if (v < low) low = v; if (v > high) high = v; }
  if (signed) { high = most ?? Math.max(Math.abs(low), Math.abs(high)); low = -high; }
  const scale = high > low ? 255 / (high - low) : 0, level = (v) => Math.min(Math.max((v - low) * scale, 0), 255);
  for (let p = 0; p < w * h; p++) {
    const to = p * 4;
    picture.data[to + 3] = 255;
    if (flat === values && c === 3) {
      for (let k = 0; k < 3; k++) picture.data[to + k] = level(values[p * 3 + k]);
      continue;
    }
    const at = Math.round(high > low ? level(flat[p]) : signed ? 127.5 : 0) * 3;
    for (let k = 0; k < 3; k++) picture.data[to + k] = colours[at + k];
  }
  context.putImageData(picture, 0, 0);
  canvas.dataset.low = low;
  canvas.dataset.high = high;
}

function mean_channel(values, c) {
  if (c === 1) return values;
  const mean = new Float64Array(values.length / c);
  for (let i = 0; i < values.length; i++) mean[Math.floor(i / c)] += values[i] / c;
  return mean;
}

// One channel of values [h, w, c].
const channel_of = (values, c, channel) => Float32Array.from({ length: values.length / c }, (_, p) => values[p * c + channel]);

// A frame around the pixel that is marked. Of a small picture the pixels are drawn large first, so that it hides none of them; of a
// large one it leaves the neighbours in.
function mark(canvas, [row, column]) {
  const { width, height } = canvas, columns = Number(canvas.dataset.columns), by = Math.ceil(256 / columns), context = canvas.getContext("2d");
  if (by > 1 && width === columns) {
    const copy = new OffscreenCanvas(width, height);
    copy.getContext("2d").drawImage(canvas, 0, 0);
    [canvas.width, canvas.height] = [width * by, height * by];
    context.imageSmoothingEnabled = false;
    context.drawImage(copy, 0, 0, canvas.width, canvas.height);
  }
  const thick = Math.max(2, Math.floor(by / 6)), around = (by < 8 ? by : 0) + thick / 2, side = by + 2 * around;
  context.strokeStyle = "#ff2d9b";
  context.lineWidth = thick;
  context.strokeRect(column * by - around, row * by - around, side, side);
}

// Which pixel of a picture the pointer is at: row and column.
function pixel_at(canvas, event) {
  const box = canvas.getBoundingClientRect(), { rows, columns } = canvas.dataset, side = (at, length, count) =>
    Math.min(Math.max(Math.floor(at / length * count), 0), count - 1);
  return [side(event.clientY - box.top, box.height, rows), side(event.clientX - box.left, box.width, columns)];
}

// Curves over the steps, each { values, colour }, and a line at the step that is shown.
function curve(canvas, curves, at) {
  // As many pixels as are seen, so that its letters have the size of others.
  const width = canvas.clientWidth || 360, height = Math.round(width * 0.55), context = canvas.getContext("2d"), dense = devicePixelRatio;
  [canvas.width, canvas.height] = [width * dense, height * dense];
  context.scale(dense, dense);
  const ink = getComputedStyle(canvas).color, all = curves.flatMap(({ values }) => values).filter(Number.isFinite);
  context.font = "12px sans-serif";
  context.fillStyle = context.strokeStyle = ink;
  if (!all.length) return;
  const low = Math.min(...all), high = Math.max(...all), last = Math.max(...curves.map(({ values }) => values.length - 1), 1);
  const x = (i) => 8 + (width - 16) * i / last, y = (v) => height - 20 - (height - 44) * (high > low ? (v - low) / (high - low) : 0.5);
  context.fillText(short(high), 8, 14);
  context.fillText(short(low), 8, height - 4);
  context.textAlign = "right";
  context.fillText(String(last), width - 8, height - 4);
  for (const { values, colour } of curves) {
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = 2;
    context.beginPath();
    values.forEach((v, i) => i ? context.lineTo(x(i), y(v)) : context.moveTo(x(i), y(v)));
    context.stroke();
    if (values.length === 1) context.fillRect(x(0) - 2, y(values[0]) - 2, 4, 4);
  }
  context.strokeStyle = ink;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x(at), 20);
  context.lineTo(x(at), height - 20);
  context.stroke();
}

// A number as people read it: four digits.
function short(v) {
  if (!Number.isFinite(v)) return String(v);
  if (v === 0) return "0";
  const text = Math.abs(v) >= 1e-3 && Math.abs(v) < 1e5 ? String(+v.toPrecision(4)) : v.toExponential(2);
  return text.replace("-", "\u2212");
}
