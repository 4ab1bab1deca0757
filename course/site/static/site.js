// What is wider than the page scrolls, by keyboard too.
function letScroll(box) {
  box.classList.add("wide");
  box.tabIndex = 0;
}

/** On a phone, the words in a picture that is made to fit are too small to read. */
function keepLegible(image) {
  if (image.naturalWidth < 1.3 * image.clientWidth) return;
  const box = document.createElement("div");
  image.replaceWith(box);
  box.append(image);
  letScroll(box);
}

window.addEventListener("load", async () => {
  if (matchMedia("(max-width: 576px)").matches) document.querySelectorAll(".bd-article img").forEach(keepLegible);
  await window.MathJax?.startup?.promise;
  for (const formula of document.querySelectorAll("mjx-container")) {
    const room = formula.closest("p, li, dd, div, td").clientWidth;
    const drawn = formula.querySelector("svg").getBoundingClientRect().width;
    if (drawn > room) letScroll(formula);
  }
});
