"use strict";
// Runs lines of JavaScript that a reader wrote, for every cell of an exercise, where they can reach nothing but the numbers: not the
// page, and by its rules no network. If a line never ends, the page ends this worker.

// By exercise: the names that a line may use, and what they are for cell i of the answer.
const offsets = Array.from({ length: 9 }, (_, k) => [Math.floor(k / 3) - 1, k % 3 - 1]);
const scopes = {
  sum: ({ x, dy }, i) => ({ x: x.values[i], dy: dy.values[0], count: x.values.length }),
  relu: ({ x, dy }, i) => ({ x: x.values[i], y: Math.max(x.values[i], 0), dy: dy.values[i] }),
  max_pool: ({ x }, i) => ({ w: block(x, i) }),
  upsample: ({ dy }, i) => ({ dy: block(dy, i) }),
  concat: ({ dy }, i) => ({ dy: dy.values.slice(3 * Math.floor(i / 2), 3 * Math.floor(i / 2) + 3), c: i % 2 }),
  conv2d: ({ W, dy }, i) => {
    const [h, w] = dy.shape;
    return {
      r: Math.floor(i / w),
      s: i % w,
      dy: (r, s) => r >= 0 && r < h && s >= 0 && s < w ? dy.values[r * w + s] : 0,
      W: (i, j) => W.values[(i + 1) * 3 + j + 1],
      sum: (f) => offsets.reduce((sum, [i, j]) => sum + f(i, j), 0),
    };
  },
  "used-twice": ({ x, dy }, i) => ({ x: x.values[i], dy1: dy.values[2 * i], dy2: dy.values[2 * i + 1] }),
  normalise: ({ g }, i) => ({ g: g.values, i, mean: (list) => list.reduce((sum, v) => sum + v, 0) / list.length, epsilon: 1e-5 }),
};
// The four values of the 2x2 window number i, in reading order.
function block({ shape: [, w], values }, i) {
  const at = Math.floor(i / (w / 2)) * 2 * w + i % (w / 2) * 2;
  return [values[at], values[at + 1], values[at + w], values[at + w + 1]];
}

// The numbers that a line gives for all cells; of what is no number, what it is.
function evaluate({ id, given, answer }, line) {
  const arrays = Object.fromEntries(given), scope = (i) => scopes[id](arrays, i);
  try {
    const rule = new Function(...Object.keys(scope(0)), `"use strict"; return (${line}\n);`);
    return { values: answer.values.map((_, i) => {
      const value = rule(...Object.values(scope(i)));
      return typeof value === "number" ? value : `${value}`;
    }) };
  } catch (error) {
    return { error: `${error.message}` };
  }
}
onmessage = ({ data: { exercise, lines } }) => postMessage({ results: lines.map((line) => evaluate(exercise, line)) });
postMessage({ ready: true });
