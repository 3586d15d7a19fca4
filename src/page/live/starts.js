// The images that a climb starts from, [h, w, c].
// Another size by the mean over blocks (or the nearest pixel, if it is larger).
function resized(values, [h, w, c], [rows, columns]) {
  const made = new Float32Array(rows * columns * c);
  for (let r = 0; r < rows; r++)
    for (let s = 0; s < columns; s++) {
      const [top, left] = [Math.floor(r * h / rows), Math.floor(s * w / columns)];
      const [bottom, right] = [Math.max(Math.floor((r + 1) * h / rows), top + 1), Math.max(Math.floor((s + 1) * w / columns), left + 1)];
      for (let o = 0; o < c; o++) {
        let sum = 0;
        for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += values[(y * w + x) * c + o];
        made[(r * columns + s) * c + o] = sum / ((bottom - top) * (right - left));
      }
    }
  return made;
}

// The same in every channel.
const in_all = (map, c) => Float32Array.from({ length: map.length * c }, (_, i) => map[Math.floor(i / c)]);

// A bright bar through the middle, turned by so many degrees.
function bar([h, w], angle) {
  const turn = angle * Math.PI / 180, [across, down] = [Math.cos(turn), Math.sin(turn)], half = Math.min(h, w) / 16;
  return Float32Array.from({ length: h * w }, (_, i) => {
    const [y, x] = [Math.floor(i / w) - (h - 1) / 2, i % w - (w - 1) / 2];
    return Math.min(Math.max(half + 0.5 - Math.abs(x * down - y * across), 0), 1);
  });
}

function start_image(model, [h, w, c], { start, seed, angle }, own) {
  const full = model.layers[0].sizes[0].size;
  switch (start) {
    case "recorded": return resized(model.arrays(model.start.image), full, [h, w]);
    case "phantom": return in_all(resized(model.arrays(model.start.phantom), [full[0], full[1], 1], [h, w]), c);
    case "bar": return in_all(bar([h, w], angle), c);
    case "photo":
    case "drawn": if (own) return resized(own.values, own.shape, [h, w]);
  }
  if (start === "drawn") return new Float32Array(h * w * c);
  const random = random_stream(seed);
  return Float32Array.from({ length: h * w * c }, () => random() * 2);
}

// A picture file as values from 0 to 1, its middle cut out in the network's proportions.
async function photo_of(file, [h, w, c]) {
  const bitmap = await createImageBitmap(file), canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [w, h];
  const scale = Math.min(bitmap.width / w, bitmap.height / h), [cut_w, cut_h] = [w * scale, h * scale];
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, (bitmap.width - cut_w) / 2, (bitmap.height - cut_h) / 2, cut_w, cut_h, 0, 0, w, h);
  bitmap.close();
  const { data } = context.getImageData(0, 0, w, h), values = new Float32Array(h * w * c);
  for (let p = 0; p < h * w; p++) {
    const [r, g, b] = data.slice(p * 4, p * 4 + 3).map(Number);
    for (let o = 0; o < c; o++)
      values[p * c + o] = (c === 3 ? [r, g, b][o] : Math.round(0.299 * r + 0.587 * g + 0.114 * b)) / 255;
  }
  return { values, shape: [h, w, c] };
}
