// The worker's side: it keeps the numbers and the graph that is being climbed, and answers orders.
let numbers = null, interpreter = null;
const ORDERS = {
  unpack: ({ text }) => unpacked(text),
  numbers: ({ places, bytes }) => { numbers = open_arrays(places, bytes); },
  pack: ({ constant, filter, off }) => pack(constant, { arrays: numbers, filter, off }),
  load: ({ climb, filter, changes }) => {
    climb.arrays = numbers;
    interpreter = new Interpreter(climb, filter, changes);
  },
  run: ({ inputs, want, blocked, look }) => {
    const written = inputs.map(([node, values]) => [node, Float64Array.from(values)]);
    const values = interpreter.run(written, [...want, ...look.map((one) => one.node)], blocked);
    const looks = look.map(({ node, channel }) => looked_at(interpreter.nodes[node], values.get(node), channel));
    return { values: want.map((node) => [node, values.get(node)]), looks };
  },
};
onmessage = async ({ data: { order, number } }) => {
  try {
    const answer = await ORDERS[order.what](order);
    // What is large and made for the page alone is handed over, not copied.
    const handed = { pack: () => answer.buffer, unpack: () => answer }[order.what]?.();
    postMessage({ number, answer }, handed ? [handed] : []);
  } catch (error) {
    postMessage({ number, error: String(error.message ?? error) });
  }
};
