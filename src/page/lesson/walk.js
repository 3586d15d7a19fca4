// --- The walk: every node forward, then those with a gradient backward, then what makes a step of the gradient ---
const forward = data.explanation.forward;
const walk = forward.map((node, i) => ({ node, i, back: false, key: String(node.id) }));
forward.forEach((node, i) => {
  if (node.gradient !== null) walk.splice(forward.length, 0, { node, i, back: true, key: "d" + node.id });
});
data.explanation.ascent.forEach((node, k) => {
  walk.push({ node, i: forward.length + k, back: true, after: true, key: String(node.id) });
});
const [there, home] = all(".u"), slider = document.getElementById("slider"), cards = document.querySelector(".cards");
slider.max = walk.length - 1;
let now = 0;

function go(to) {
  now = Math.min(Math.max(to, 0), walk.length - 1);
  const { node, i, back, after, key } = walk[now];
  slider.value = now;
  there.hidden = back;
  home.hidden = !back;
  // Behind the gradient of the image all are reached; before, nothing behind it is.
  const reached = (k) => !back ? k <= i : after ? k <= i : k >= i && k < forward.length;
  for (const mark of all(".node, .ascent a")) {
    const k = +mark.dataset.i;
    mark.classList.toggle("now", k === i);
    mark.classList.toggle("later", !reached(k));
    if (k === i) mark.setAttribute("aria-current", "step"); else mark.removeAttribute("aria-current");
  }
  for (const path of all(".map path"))
    path.classList.toggle("later", !(reached(+path.dataset.from) && reached(+path.dataset.to)));
  cards.classList.toggle("forth", !back || after === true);
  cards.classList.toggle("backwards", back && !after);
  for (const card of all(".card")) card.classList.toggle("now", +card.dataset.i === i);
  cards.scrollTop = 0;
  // On a narrow screen the drawing is wider than it: the node stays in sight.
  const mark = all(`.u:not([hidden]) .node[data-i="${i}"]`)[0], box = mark?.closest(".scroll");
  if (box) box.scrollLeft = mark.offsetLeft - (box.clientWidth - mark.offsetWidth) / 2;
  const s = data.strings, name = back && !after ? "d " + node.name : node.name;
  const text = fill(s.status, [now + 1, walk.length, name, after ? s.after : back ? s.backward : s.forward]);
  document.getElementById("status").textContent = text;
  slider.setAttribute("aria-valuetext", text);
  remember("at", now ? key : "");
}
// What the reader does ends what the tour was about to do.
let interrupt = () => {};
const by_hand = (to) => { interrupt(); go(to); };
document.getElementById("previous").onclick = () => by_hand(now - 1);
document.getElementById("next").onclick = () => by_hand(now + 1);
slider.oninput = () => by_hand(+slider.value);
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, select, textarea, .source, button[data-topic]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (by) { event.preventDefault(); by_hand(now + by); }
});

// --- One channel through the whole U ---
const chooser = document.getElementById("channel");
function pick(k) {
  if (!(k in data.channels)) k = data.channel;
  chooser.value = k;
  document.getElementById("u").style.setProperty("--pick", k);
  for (const line of all(".which")) line.textContent = fill(line.dataset.text, [data.channels[k]]);
  remember("channel", k === data.channel ? "" : data.channels[k]);
}
chooser.onchange = () => pick(+chooser.value);

// --- Links to nodes and ops: from the drawing, the cards, or the address ---
function follow(hash) {
  const target = hash && document.getElementById(hash.slice(1));
  if (!target) return;
  const places = walk.filter((place) => hash === "#node-" + place.node.id);
  if (places.length) by_hand(walk.indexOf(places.find((place) => place.back === walk[now].back) ?? places[0]));
  if (target.classList.contains("op")) show(target.dataset.topic);
  target.querySelector(":scope > summary")?.parentElement.setAttribute("open", "");
  return places.length > 0;
}
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  // A node shows its card without leaving the drawing.
  if (link && follow(link.getAttribute("href"))) event.preventDefault();
});

