// What the reader breaks on purpose. `changes`:
//   guided   relu's gradient lets through only what is positive itself, too (guided backprop): no gradient any more
//   scale    batch norm's gradient forgets its scale: no gradient any more
//   off      filters of a convolution that give 0, weights and bias: another function, whose gradient is right
//   skips    [concat, part]: that input of a concat counts as 0, forward and backward: another function as well

// Bias, scale and shift of node `id`, as they lie in its step's constants, changed.
function change_numbers(climb, id, numbers, { off = [], scale = false }) {
  const node = climb.nodes[id];
  for (const { node: of, channel } of off) if (of === id && node.bias !== null) numbers[channel] = 0;
  if (scale && is_scaling(climb, node)) numbers.fill(1, 0, node.shape[2]);
}

// Is it what batch norm's gradient rule appended?
const is_scaling = (climb, node) =>
  node.op === "batch_norm" && node.answers !== undefined && climb.nodes[node.answers].op === "batch_norm";

// For each input of a concat the node that takes its part of the gradient back: `null` where none does.
function parts_of(climb, concat) {
  let start = 0;
  return climb.nodes[concat].in.map((x) => {
    const at = start;
    start += climb.nodes[x].shape[2];
    const back = climb.nodes.findIndex((node) => node.op === "slice" && node.answers === concat && node.start[2] === at);
    return back < 0 ? null : back;
  });
}

// The nodes that count as 0 on the way back for these [concat, part]s.
const blocked_by = (climb, pairs = []) =>
  pairs.map(([concat, part]) => parts_of(climb, concat)[part]).filter((node) => node !== null);
