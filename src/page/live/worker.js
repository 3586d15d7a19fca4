// The worker's side: it keeps the numbers and the graph that is being climbed, and answers one order after the other.
let places = null, numbers = null, interpreter = null;
const ORDERS = {
  numbers: ({ places: of, bytes }) => { places = of; numbers = open_arrays(places, bytes); },
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
onmessage = ({ data: { order, number } }) => {
  try {
    postMessage({ number, answer: ORDERS[order.what](order) });
  } catch (error) {
    postMessage({ number, error: String(error.message ?? error) });
  }
};
