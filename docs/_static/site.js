// The theme gives its two side bars no names, which screen readers list them by.
for (const [kind, label] of [["sidebar", "All pages"], ["toc", "This page"]]) {
  document.querySelector(`.${kind}-drawer`)?.setAttribute("aria-label", label);
}
