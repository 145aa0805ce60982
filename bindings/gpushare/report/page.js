"use strict";
(() => {
  const tip = document.getElementById("tip");
  const rows = [...document.querySelectorAll("svg .row")];
  const mark = (mode) => rows.forEach((row) => row.classList.toggle("same", Boolean(mode) && row.dataset.mode === mode));
  let shown = null;
  const place = (row) => {
    const at = row.getBoundingClientRect();
    const width = tip.offsetWidth;
    tip.style.left = `${Math.max(4, Math.min(at.left + at.width / 2 - width / 2, innerWidth - width - 4))}px`;
    const above = at.top - tip.offsetHeight - 4;
    tip.style.top = `${above > 0 ? above : at.bottom + 4}px`;
  };
  const show = (row) => {
    shown = row;
    tip.textContent = row.dataset.said;
    tip.hidden = false;
    place(row);
    mark(row.dataset.mode);
  };
  const hide = () => { shown = null; tip.hidden = true; mark(""); };
  for (const row of rows) {
    row.addEventListener("pointerenter", () => show(row));
    row.addEventListener("focus", () => show(row));
    row.addEventListener("pointerleave", hide);
    row.addEventListener("blur", hide);
    row.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { hide(); }
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const near = [...row.parentNode.querySelectorAll(".row")];
      const next = step && near[near.indexOf(row) + step];
      if (next) { event.preventDefault(); next.focus(); }
    });
  }
  addEventListener("scroll", () => { if (shown) { place(shown); } }, { passive: true });
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
})();
