// Random numbers that are the same in every browser: mulberry32, one stream for each seed and number.
function random_stream(seed, number = 0) {
  let state = (seed * 0x9e3779b1 ^ number * 0x85ebca6b) >>> 0;
  return () => {
    state = state + 0x6d2b79f5 >>> 0;
    let t = state;
    t = Math.imul(t ^ t >>> 15, t | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}
