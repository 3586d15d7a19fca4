// What is shown of a value in the drawing: its strongest channel (largest mean magnitude) or the chosen one, as a small picture.
const THUMB = 32;
const thumb_size = ([h, w]) => [Math.min(h, THUMB), Math.min(w, THUMB)];
const strongest = (strengths) => strengths.reduce((best, v, i) => v > strengths[best] ? i : best, 0);

function looked_at({ shape: [h, w, c] }, values, channel) {
  const strengths = new Float64Array(c), [rows, columns] = thumb_size([h, w]), picture = new Float32Array(rows * columns);
  for (let i = 0; i < values.length; i++) strengths[i % c] += Math.abs(values[i]);
  channel = channel < c ? channel : strongest(strengths);
  for (let i = 0; i < picture.length; i++) {
    const r = Math.floor(Math.floor(i / columns) * h / rows), s = Math.floor(i % columns * w / columns);
    picture[i] = values[(r * w + s) * c + channel];
  }
  return { channel, picture, rows, columns, strength: strengths[channel] / (h * w) };
}
