// What JupyterLab does with $…$ and $$…$$. Each formula brings its own glyphs, so that it can be copied into the notes.
window.MathJax = {
  tex: {
    inlineMath: [["$", "$"], ["\\(", "\\)"]],
    displayMath: [["$$", "$$"], ["\\[", "\\]"]],
    processEscapes: true,
    tags: "ams",
  },
  svg: { fontCache: "local", scale: 0.95 },
  options: { enableMenu: false },
};
