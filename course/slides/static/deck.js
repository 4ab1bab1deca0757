// Starts a lecture's slides: formulas first, then every slide is made to fit, then reveal.js takes over.

const WIDTH = 1280;
const HEIGHT = 720;
const HALF = 700; // the width of a picture that code may stand beside
const PRINTS = /print-pdf/.test(location.search);
const SMALLEST = PRINTS ? 40 : 65; // per cent: what can be read on paper, and from the last row

/** Make the text this large, and its pictures a little larger than that; whether the slide fits then. */
function fits(slide, text) {
  slide.style.setProperty("--fit", text);
  slide.style.setProperty("--picture", (1.5 + 1.4 * (text - 1)) / text); // within what --fit shrinks
  return text * shrinkCode(slide) >= SMALLEST / 100 && slide.scrollHeight <= slide.clientHeight;
}

/** Beside a picture, lines of code don't break, for an indent says something: make them small enough; how small. */
function shrinkCode(slide) {
  slide.style.setProperty("--code", 1);
  const blocks = [...slide.querySelectorAll(".highlight pre")];
  const size = Math.min(1, ...blocks.map((code) => code.parentElement.clientWidth / code.offsetWidth));
  slide.style.setProperty("--code", size);
  return size;
}

/** The largest text with which a slide fits, or 0. */
function largest(slide, percent = 100) {
  for (; percent >= SMALLEST; percent -= 5) if (fits(slide, percent / 100)) return percent / 100;
  return 0;
}

/** Shrink a slide, or set its pictures beside their code, until all fits; if that isn't enough, it scrolls. */
function fit(slide) {
  let text = largest(slide);
  if (text < 0.8) {
    slide.classList.add("beside");
    const beside = largest(slide, 80); // half the width is for smaller text
    if (beside > text) text = beside;
    else slide.classList.remove("beside");
  }
  fits(slide, text || 0.9);
  slide.classList.toggle("scrolls", !text);
  // Who has only a keyboard scrolls what has the focus.
  if (slide.scrollHeight > slide.clientHeight) slide.tabIndex = 0;
  slide.querySelectorAll(".wide").forEach((table) => {
    if (table.scrollWidth > table.clientWidth) table.tabIndex = 0;
  });
}

/** Tables scroll within a box of their own, if they are wider than the slide. */
function box(table) {
  const around = document.createElement("div");
  around.className = "wide";
  table.replaceWith(around);
  around.append(table);
}

function scroll(pages) {
  Reveal.getCurrentSlide().scrollBy({ top: pages * HEIGHT, behavior: "smooth" });
}

async function start() {
  const slides = document.querySelectorAll(".slides > section > section");
  document.querySelectorAll(".slides table").forEach(box);
  if (PRINTS) document.querySelectorAll("details").forEach((answer) => (answer.open = true));
  await MathJax.startup.promise;
  await document.fonts.ready;
  // The window of the notes has no style that would hide this text for screen readers.
  document.querySelectorAll(".notes mjx-assistive-mml").forEach((text) => text.remove());

  document.querySelectorAll(".picture img").forEach((image) => {
    image.closest(".picture").classList.toggle("narrow", image.naturalWidth <= HALF);
  });
  document.body.classList.add("measuring");
  slides.forEach(fit);
  document.body.classList.remove("measuring");

  // Space and Enter unfold an answer; they don't turn the page.
  document.querySelectorAll("summary").forEach((summary) => {
    summary.addEventListener("keydown", (event) => event.stopPropagation());
  });
  await Reveal.initialize({
    width: WIDTH,
    height: HEIGHT,
    margin: 0.04,
    center: false,
    hash: true,
    history: true,
    slideNumber: "c/t",
    transition: "none",
    pdfSeparateFragments: false,
    plugins: [RevealNotes],
  });
  Reveal.addKeyBinding({ keyCode: 68, key: "D", description: "Scroll a long slide down" }, () => scroll(0.8));
  Reveal.addKeyBinding({ keyCode: 85, key: "U", description: "Scroll a long slide up" }, () => scroll(-0.8));
}

window.addEventListener("load", start);
