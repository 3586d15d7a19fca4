// Functions of a number by itself, and their slopes: the twins of src/engine/ops/pointwise.rs.
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const clamp = (x, least, most) => Math.min(Math.max(x, least), most);
const hard = (x) => clamp(x / 6 + 0.5, 0, 1);
const bell = (x) => Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
// The probability that a standard normal variable is below x: a series without cancellation.
const below = (x) => {
  if (Math.abs(x) > 12) return x > 0 ? 1 : 0;
  let term = x, sum = x;
  for (let n = 3; Math.abs(term) > 1e-17 * Math.abs(sum); n += 2) sum += term *= x * x / n;
  return 0.5 + sum * bell(x);
};
const inner = (x) => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
const SELU = [1.0507009873554805, 1.6732632423543772];
const bound = (max) => max ?? Infinity;

const FUNCTIONS = {
  general_relu: [
    (x, [slope, threshold, max]) => x >= bound(max) ? max : x <= threshold ? slope * (x - threshold) : x,
    (x, [slope, threshold, max]) => x >= bound(max) ? 0 : x <= threshold ? slope : 1],
  leaky_relu: [(x, [slope]) => x > 0 ? x : slope * x, (x, [slope]) => x > 0 ? 1 : slope],
  elu: [(x, [alpha]) => x >= 0 ? x : alpha * Math.expm1(x), (x, [alpha]) => x >= 0 ? 1 : alpha * Math.exp(x)],
  selu: [
    (x) => SELU[0] * (x >= 0 ? x : SELU[1] * Math.expm1(x)),
    (x) => SELU[0] * (x >= 0 ? 1 : SELU[1] * Math.exp(x))],
  tanh: [Math.tanh, (x) => 1 - Math.tanh(x) ** 2],
  exp: [Math.exp, Math.exp],
  softplus: [softplus, sigmoid],
  softsign: [(x) => x / (1 + Math.abs(x)), (x) => (1 + Math.abs(x)) ** -2],
  silu: [(x) => x * sigmoid(x), (x) => sigmoid(x) + x * sigmoid(x) * (1 - sigmoid(x))],
  gelu: [(x) => x * below(x), (x) => below(x) + x * bell(x)],
  gelu_tanh: [(x) => x * (1 + Math.tanh(inner(x))) / 2, (x) => {
    const t = Math.tanh(inner(x));
    return (1 + t + x * (1 - t * t) * Math.sqrt(2 / Math.PI) * (1 + 0.134145 * x * x)) / 2;
  }],
  hard_sigmoid: [(x, [slope]) => clamp(slope * x + 0.5, 0, 1), (x, [slope]) => Math.abs(slope * x) < 0.5 ? slope : 0],
  hard_swish: [(x) => x * hard(x), (x) => hard(x) + (Math.abs(x) < 3 ? x / 6 : 0)],
  mish: [(x) => x * Math.tanh(softplus(x)), (x) => {
    const t = Math.tanh(softplus(x));
    return t + x * (1 - t * t) * sigmoid(x);
  }],
  abs: [Math.abs, Math.sign],
  log: [Math.log, (x) => 1 / x],
  sqrt: [Math.sqrt, (x) => 0.5 / Math.sqrt(x)],
  reciprocal: [(x) => 1 / x, (x) => -1 / (x * x)],
};
