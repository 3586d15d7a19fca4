// What is shown of a value in the drawing: one channel, its strongest (largest mean magnitude) or the chosen one, as a small
// picture, and beside it a strip of its strongest channels.
const THUMB = 32, STRIP = 4;
const thumb_size = ([h, w]) => [Math.min(h, THUMB), Math.min(w, THUMB)];
// The strongest first; of equals the first.
const strongest = (strengths) => [...strengths.keys()].sort((a, b) => strengths[b] - strengths[a]).slice(0, STRIP);

function looked_at({ shape: [h, w, c] }, values, channel) {
  const strengths = new Float64Array(c), [rows, columns] = thumb_size([h, w]);
  for (let i = 0; i < values.length; i++) strengths[i % c] += Math.abs(values[i]);
  const picture_of = (channel) => Float32Array.from({ length: rows * columns }, (_, i) => {
    const r = Math.floor(Math.floor(i / columns) * h / rows), s = Math.floor(i % columns * w / columns);
    return values[(r * w + s) * c + channel];
  });
  const strip = strongest(strengths).map((channel) => ({ channel, picture: picture_of(channel), strength: strengths[channel] / (h * w) }));
  if (!(channel < c)) [{ channel }] = strip;
  return { channel, picture: picture_of(channel), rows, columns, strip };
}
