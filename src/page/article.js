"use strict";
// The slider of each filter: its frames lie side by side in one picture; what comes last is the panel itself.
document.documentElement.classList.add("script");
for (const box of document.querySelectorAll(".filter")) {
  const slider = box.querySelector("input");
  if (!slider) continue;
  const steps = box.dataset.steps.split(","), last = steps.length - 1;
  const shot = box.querySelector(".shot"), strip = box.querySelector(".strip"), output = box.querySelector("output");
  const frame = document.createElement("span");
  frame.className = "step";
  slider.oninput = () => {
    const i = +slider.value;
    if (i === last) frame.remove();
    else {
      frame.style.background = `url(${strip.src}) ${100 * i / Math.max(last - 1, 1)}% 0 / ${last * 100}% 100%`;
      shot.append(frame);
    }
    output.textContent = `step ${steps[i]}`;
    slider.setAttribute("aria-valuetext", output.textContent);
  };
}
