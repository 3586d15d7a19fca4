// --- The beginning, and whenever the address changes ---
const examples = all(".worked").map(start), exercises = all(".exercise").map(ask);
let restoring = Promise.resolve();

function restore() {
  read_address();
  const at = walk.findIndex((place) => place.key === chosen.get("at"));
  const channel = data.channels.indexOf(+(chosen.get("channel") ?? NaN)), op = chosen.get("op");
  go(Math.max(at, 0));
  restore_tour(Number(chosen.get("tour") ?? NaN) - 1);
  pick(channel < 0 ? data.channel : channel);
  if (data.worked.length) show(op);
  for (const again of examples) again();
  restoring = exercises.reduce((before, again) => before.then(again), restoring);
}
addEventListener("hashchange", () => holds_choices(location.hash) ? restore() : follow(location.hash));
const link = location.hash;
restore();
if (!holds_choices(link)) follow(link);
