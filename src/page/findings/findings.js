"use strict";
// Which filters are shown, and in which order; the arrow keys go from one to the next.
document.documentElement.classList.add("script");
const grid = document.querySelector(".panels"), cards = [...grid.children];
const buttons = [...document.querySelectorAll("[data-show]")], shown = document.getElementById("shown");
const inLayer = document.getElementById("in-layer"), sortBy = document.getElementById("sort-by");
const value = (card, column) => {
  const text = card.querySelector(`[data-column="${column}"]`)?.dataset.value;
  return text === undefined ? NaN : text === "yes" ? 1 : text === "no" ? 0 : Number(text);
};
let verdict = "";

function arrange() {
  const visible = card => (!verdict || card.dataset.verdict === verdict) && (!inLayer.value || card.dataset.layer === inLayer.value);
  cards.forEach(card => { card.hidden = !visible(card); });
  const column = sortBy.value, order = cards.slice();
  if (column) {
    const values = new Map(cards.map(card => [card, value(card, column)]));
    // The greatest first; what has no number comes last.
    const key = card => Number.isNaN(values.get(card)) ? -Infinity : values.get(card);
    order.sort((a, b) => key(b) > key(a) ? 1 : key(b) < key(a) ? -1 : 0);
  }
  grid.append(...order);
  buttons.forEach(button => button.setAttribute("aria-pressed", button.dataset.show === verdict));
  const count = cards.filter(card => !card.hidden).length;
  shown.textContent = shown.dataset.text.replace("{}", count).replace("{}", cards.length);
}

buttons.forEach(button => { button.onclick = () => { verdict = button.dataset.show; arrange(); }; });
inLayer.onchange = sortBy.onchange = arrange;
grid.addEventListener("keydown", event => {
  const card = event.target.closest("summary")?.parentElement;
  if (!card) return;
  const visible = [...grid.children].filter(card => !card.hidden), at = visible.indexOf(card);
  // As many as stand in a row.
  const top = visible[at].offsetTop, row = Math.max(visible.filter(card => card.offsetTop === top).length, 1);
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row }[event.key];
  if (step === undefined || !visible[at + step]) return;
  event.preventDefault();
  visible[at + step].querySelector("summary").focus();
});
arrange();
