// A formula that is wider than the page scrolls, by keyboard too.
window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  for (const formula of document.querySelectorAll("mjx-container")) {
    const room = formula.closest("p, li, dd, div, td").clientWidth;
    const drawn = formula.querySelector("svg").getBoundingClientRect().width;
    if (drawn > room) {
      formula.classList.add("wide");
      formula.tabIndex = 0;
    }
  }
});
