"use strict";
// The slider of each filter: the pictures on its way lie in rows in one file; what comes last is the panel itself.
document.documentElement.classList.add("script");
for (const box of document.querySelectorAll(".filter")) {
  const slider = box.querySelector("input");
  if (!slider) continue;
  const { columns, rows } = box.dataset, percent = (i, n) => `${100 * i / Math.max(n - 1, 1)}%`;
  const shot = box.querySelector(".shot"), sheet = box.querySelector(".sheet"), output = box.querySelector("output");
  const frame = document.createElement("span");
  frame.className = "step";
  frame.style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
  slider.oninput = () => {
    const i = +slider.value;
    if (i === +slider.max) frame.remove();
    else {
      frame.style.backgroundImage ||= `url(${sheet.src})`;
      frame.style.backgroundPosition = `${percent(i % columns, columns)} ${percent(Math.floor(i / columns), rows)}`;
      shot.append(frame);
    }
    output.textContent = slider.dataset.text.replace("{}", i);
    slider.setAttribute("aria-valuetext", output.textContent);
  };
}
