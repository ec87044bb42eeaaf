"""Hands: reading values off the charts by mouse, touch and keyboard, and the page's buttons."""

READING = r"""
const legend = (name, index) => {
  const [box] = $(`[data-legend="${name}"]`), [{state}] = $(`[data-chart="${name}"]`);
  box.replaceChildren();
  if (!state) return "";
  const last = Math.max(0, firstFrom(state.series.t, range[1] + 1) - 1), at = index ?? last;
  const words = [];
  const add = (kind, text, value) => {
    const item = document.createElement("span");
    if (kind) item.append(Object.assign(document.createElement("i"), {className: "s-" + kind}));
    else item.className = "when";
    const strong = document.createElement(kind ? "b" : "span");
    strong.textContent = value;
    item.append(text ? text + " " : "", strong);
    box.append(item);
    words.push((text + " " + value).trim());
  };
  add("", "", when(state.series.t[at]));
  for (const {pane, write} of state.panes) for (const [key, text] of pane.lines)
    if (state.series[key]) add(key, text, write(state.series[key][at]));
  if (state.note) add("", "", state.note);
  return words.join(", ");
};
const near = (state, px, py) => {
  let best = null, least = 14 * 14;
  for (const [x, y, row] of state.marks || []) {
    const d = (x - px) ** 2 + (y - py) ** 2;
    if (d < least) { least = d; best = row; }
  }
  return best;
};
const tripText = row => {
  const [, p, side, q, end, out, net, cause] = row, write = v => num(v, Math.min(price().places, 8));
  const head = `${side > 0 ? "\u25b2 LONG" : "\u25bc SHORT"} ${q} at ${write(p)}`;
  return end === undefined ? head + ", still open"
    : `${head}, out at ${write(out)} by ${cause}: ${num(net, 2, true)} ${data.quote}`;
};
const point = (box, t, py) => {
  const name = box.dataset.chart, state = box.state;
  if (!state) return "";
  const index = nearest(state.series.t, Math.min(Math.max(t, range[0]), range[1]));
  const px = state.x(state.series.t[index]);
  state.over.replaceChildren(node("line", {x1: px, x2: px, y1: 0, y2: state.height, class: "cross"}));
  for (const {pane, y} of state.panes) for (const [key] of pane.lines) {
    const v = state.series[key] && state.series[key][index];
    if (v === null || v === undefined) continue;
    state.over.append(node("circle", {cx: px, cy: y(v), r: 4, class: "dot d-" + key}));
  }
  let text = legend(name, index);
  const row = py === null ? null : near(state, state.x(t), py);
  if (row) {
    const item = document.createElement("span");
    Object.assign(item, {className: "near", textContent: tripText(row)});
    $(`[data-legend="${name}"]`)[0].append(item);
    text += ". " + item.textContent;
  }
  box.index = index;
  return text;
};
const everywhere = (source, t, py) => {
  for (const box of plots) point(box, t, box === source ? py : null);
};
const zoom = (low, high) => {
  const least = Math.max(60, (FULL[1] - FULL[0]) / 5000);
  if (high - low < least) return;
  range = [Math.max(FULL[0], low), Math.min(FULL[1], high)];
  const whole = range[0] === FULL[0] && range[1] === FULL[1];
  for (const button of $("[data-reset]")) button.hidden = whole;
  plots.forEach(draw);
};
"""

HANDS = r"""
const wire = box => {
  let start = null;
  const time = event => {
    const state = box.state, bounds = box.getBoundingClientRect();
    const px = (event.clientX - bounds.left) * (state.wide + state.right) / bounds.width;
    const part = Math.min(Math.max(px / state.wide, 0), 1);
    return [range[0] + part * (range[1] - range[0]), event.clientY - bounds.top];
  };
  box.addEventListener("pointerdown", event => {
    if (box.state && event.pointerType === "mouse" && event.button === 0) start = time(event)[0];
  });
  box.addEventListener("pointermove", event => {
    if (!box.state) return;
    const [t, py] = time(event);
    everywhere(box, t, py);
    if (start !== null) {
      const a = box.state.x(Math.min(start, t)), b = box.state.x(Math.max(start, t));
      const height = box.state.height;
      box.state.over.append(node("rect", {x: a, y: 0, width: b - a, height, class: "pick"}));
    }
  });
  addEventListener("pointerup", event => {
    if (start === null) return;
    const from = start, to = time(event)[0]; start = null;
    if (Math.abs(box.state.x(to) - box.state.x(from)) > 8) zoom(Math.min(from, to), Math.max(from, to));
  });
  box.addEventListener("pointerleave", () => {
    if (start !== null) return;
    for (const plot of plots) if (plot.state) {
      plot.state.over.replaceChildren();
      legend(plot.dataset.chart, null);
    }
  });
  box.addEventListener("dblclick", () => zoom(...FULL));
  box.addEventListener("keydown", event => keys(box, event));
};
const keys = (box, event) => {
  if (!box.state) return;
  const t = box.state.series.t, at = box.index ?? t.length - 1, many = event.shiftKey ? 20 : 1;
  const step = {ArrowLeft: -many, ArrowRight: many, Home: -t.length, End: t.length}[event.key];
  const middle = t[at], half = (range[1] - range[0]) / 2;
  if (step !== undefined) {
    const first = firstFrom(t, range[0]), last = Math.max(0, firstFrom(t, range[1] + 1) - 1);
    const index = Math.min(Math.max(at + step, first), last);
    $(`[data-spoken="${box.dataset.chart}"]`)[0].textContent = point(box, t[index], null);
  } else if (event.key === "+" || event.key === "=") zoom(middle - half / 2, middle + half / 2);
  else if (event.key === "-") zoom(middle - half * 2, middle + half * 2);
  else if (event.key === "Escape" || event.key === "0") zoom(...FULL);
  else return;
  event.preventDefault();
};
const sortable = table => $("thead button", table).forEach((button, column) => button.onclick = () => {
  const head = button.closest("th"), down = head.getAttribute("aria-sort") !== "descending";
  $("th", table).forEach(th => th.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const unit = {min: 1 / 60, h: 1, d: 24, s: 1 / 3600};
  const value = row => {
    const text = row.children[column].textContent, plain = text.replaceAll(THIN, "").replace(MINUS, "-");
    const found = parseFloat(plain), scale = unit[(plain.match(/(min|h|d|s)$/) || [])[1]] || 1;
    return column === 0 ? text : isFinite(found) ? found * scale : -Infinity;
  };
  const rows = $("tbody tr", table).sort((a, b) => {
    const p = value(a), q = value(b), order = p < q ? -1 : p > q ? 1 : 0;
    return down ? -order : order;
  });
  table.tBodies[0].append(...rows);
});
const kept = write => { try { return write(); } catch { return null; } };
const theme = name => {
  document.documentElement.dataset.theme = name;
  kept(() => localStorage.setItem("qt-theme", name));
};
const isDark = () => (document.documentElement.dataset.theme ||
  (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
"""

FINISH = r"""
data.prices.forEach((p, i) => {
  const option = document.createElement("option");
  const some = p.trips.length < p.trips_total, total = p.trips_total;
  const shown = some ? `best and worst ${p.trips.length} of ${total}` : total;
  option.value = i; option.textContent = `${p.name} (${shown} trip${p.trips_total === 1 ? "" : "s"})`;
  chooser.append(option);
});
const asks = new URLSearchParams(location.hash.slice(1)).get("theme");
const wanted = asks || kept(() => localStorage.getItem("qt-theme"));
if (wanted === "dark" || wanted === "light") document.documentElement.dataset.theme = wanted;
const label = () => { toggle.textContent = isDark() ? "Light theme" : "Dark theme"; };
const toggle = document.getElementById("theme");
toggle.addEventListener("click", () => { theme(isDark() ? "light" : "dark"); label(); });
label();
document.getElementById("print").addEventListener("click", () => print());
chooser.addEventListener("change", () => draw($('[data-chart="price"]')[0]));
for (const button of $("[data-log]")) button.addEventListener("click", () => {
  const name = button.dataset.log, on = !logged.has(name);
  if (on) logged.add(name); else logged.delete(name);
  button.setAttribute("aria-pressed", String(on)); draw($(`[data-chart="${name}"]`)[0]);
});
for (const button of $("[data-reset]")) button.addEventListener("click", () => zoom(...FULL));
for (const button of $("[data-copy]")) button.addEventListener("click", async () => {
  const code = button.parentElement.querySelector("code"), chosen = getSelection();
  chosen.selectAllChildren(code);
  const write = text => navigator.clipboard.writeText(text).then(() => true, () => false);
  const done = navigator.clipboard ? await write(button.dataset.copy) : false;
  button.textContent = done || document.execCommand("copy") ? "Copied" : "Selected";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
});
$("table.sortable").forEach(sortable);
plots.forEach(wire);
let asked = 0;
const resized = new ResizeObserver(() => {
  cancelAnimationFrame(asked);
  asked = requestAnimationFrame(() => plots.forEach(draw));
});
resized.observe(document.getElementById("main"));
plots.forEach(draw);
"""
