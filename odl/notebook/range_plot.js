// The picture of a recording, with a range of seconds over it that is dragged, or moved by keys: the browser's part of
// range_plot.py. `start` and `end` are what both sides change.

const NEAR = 10; // pixels beside an edge within which it is taken hold of; a finger has twice as many
const STILL = 3; // pixels: who moves less has clicked, and chooses nothing
const STEPS = { ArrowLeft: -0.1, ArrowDown: -0.1, ArrowRight: 0.1, ArrowUp: 0.1, PageDown: -1, PageUp: 1 }; // seconds

function add(parent, tag, name, attributes = {}) {
  const element = document.createElement(tag);
  element.className = `odl-range-${name}`;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return parent.appendChild(element);
}

function render({ model, el }) {
  const seconds = model.get("seconds");
  const [left, top, right, bottom] = model.get("margins").map((share) => `${100 * share}%`);
  // Here JupyterLab's shortcuts rest, so that keys move an edge and not the selected cell.
  const plot = add(el, "div", "plot", { "data-lm-suppress-shortcuts": "true" });
  const picture = add(plot, "img", "picture", { draggable: "false" });
  const area = add(plot, "div", "area", { role: "group", "aria-label": "range of seconds" });
  Object.assign(area.style, { left, top, right, bottom });
  const shade = add(area, "div", "shade");
  const edges = ["start", "end"].map((name) =>
    add(area, "div", "edge", { role: "slider", tabindex: "0", "aria-label": `${name} of the range` }),
  );
  const words = add(area, "span", "words", { "aria-hidden": "true" });
  let range = [0, 0]; // what is shown
  let drag = null; // from the pointer's press to its release

  const within = (value, low, high) => Math.min(Math.max(Math.round(100 * value) / 100, low), high);
  const secondsAt = (x) => {
    const box = area.getBoundingClientRect();
    return within(((x - box.left) / box.width) * seconds, 0, seconds);
  };
  const pixelsTo = (value, x) => {
    const box = area.getBoundingClientRect();
    return Math.abs(box.left + (value / seconds) * box.width - x);
  };

  function show(next) {
    range = next;
    const places = range.map((value) => `${(100 * value) / seconds}%`);
    shade.style.left = places[0];
    shade.style.width = `${(100 * (range[1] - range[0])) / seconds}%`;
    words.style.left = `${(50 * (range[0] + range[1])) / seconds}%`;
    words.textContent = `${range[0].toFixed(2)} to ${range[1].toFixed(2)} s`;
    edges.forEach((edge, i) => {
      edge.style.left = places[i];
      edge.setAttribute("aria-valuemin", i ? range[0] : 0);
      edge.setAttribute("aria-valuemax", i ? seconds : range[1]);
      edge.setAttribute("aria-valuenow", range[i]);
      edge.setAttribute("aria-valuetext", `${range[i].toFixed(2)} seconds`);
    });
  }

  function showChosen() {
    if (!drag) show([model.get("start"), model.get("end")]);
  }

  function choose() {
    model.set("start", range[0]);
    model.set("end", range[1]);
    model.save_changes();
  }

  function showPicture() {
    URL.revokeObjectURL(picture.src);
    picture.src = URL.createObjectURL(new Blob([model.get("picture")], { type: "image/png" }));
    picture.alt = model.get("about");
  }

  area.addEventListener("pointerdown", (event) => {
    if (event.button || !event.isPrimary) return;
    event.preventDefault(); // nothing is selected as text
    const x = event.clientX;
    const gaps = range.map((value) => pixelsTo(value, x));
    const held = gaps[0] < gaps[1] ? 0 : 1;
    const grabs = gaps[held] <= (event.pointerType === "touch" ? 2 : 1) * NEAR;
    if (grabs) edges[held].focus({ preventScroll: true });
    drag = { x, from: grabs ? range[1 - held] : secondsAt(x), moved: false };
    area.setPointerCapture(event.pointerId);
  });

  area.addEventListener("pointermove", (event) => {
    if (!drag || !event.isPrimary) return;
    drag.moved ||= Math.abs(event.clientX - drag.x) >= STILL;
    const here = secondsAt(event.clientX);
    if (drag.moved) show([Math.min(drag.from, here), Math.max(drag.from, here)]);
  });

  area.addEventListener("pointerup", (event) => {
    if (!drag || !event.isPrimary) return;
    if (drag.moved) {
      choose();
      edges[range[0] === drag.from ? 1 : 0].focus({ preventScroll: true }); // keys move on what was dragged
    }
    drag = null;
    showChosen();
  });

  area.addEventListener("pointercancel", () => {
    drag = null; // the finger scrolls the page instead
    showChosen();
  });

  edges.forEach((edge, i) => {
    edge.addEventListener("keydown", (event) => {
      const [low, high] = i ? [range[0], seconds] : [0, range[1]];
      const ends = { Home: low, End: high };
      const to = ends[event.key] ?? range[i] + STEPS[event.key] * (event.shiftKey ? 10 : 1);
      if (Number.isNaN(to) || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      show(range.map((value, j) => (i === j ? within(to, low, high) : value)));
      choose();
    });
  });

  model.on("change:picture", showPicture);
  model.on("change:start", showChosen);
  model.on("change:end", showChosen);
  showPicture();
  showChosen();
  return () => URL.revokeObjectURL(picture.src);
}

export default { render };
