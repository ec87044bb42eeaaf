"""Charts: the views the page's script can draw, and how a series becomes shapes."""

CHARTS = r"""
const MARKS = 60;
const NOTHING = {t: [], low: [], high: [], close: [], trips: []};
const price = () => data.prices[Number(chooser.value) || 0] || NOTHING;
const VIEWS = {
  equity: {
    get: () => data.equity,
    panes: [
      {share: 0.68, write: "money", lines: [["held", "Buy and hold"], ["fund", "Fund"]], area: ["fund"],
        floor: true},
      {share: 0.32, write: "pct", lines: [["drawdown", "Drawdown"]], area: ["drawdown"], zero: true},
    ], height: 420, spans: true,
  },
  rolling: {get: () => data.rolling, panes: [{share: 1, write: "ratio", lines: [["sharpe", "Rolling Sharpe"]],
    area: ["sharpe"], zero: true}], height: 240},
  exposure: {get: () => data.exposure, panes: [{share: 1, write: "x", area: ["gross"], zero: true,
    lines: [["gross", "Gross"], ["net", "Net"]]}], height: 240, spans: true},
  price: {get: price, panes: [{share: 1, write: "price", lines: [["close", "Close"]], band: true}],
    height: 400, marks: true, spans: true},
};
const times = Object.values(VIEWS).map(v => v.get().t).filter(t => t.length);
const FULL = [Math.min(...times.map(t => t[0])), Math.max(...times.map(t => t[t.length - 1]))];
let range = FULL.slice();
const logged = new Set();
const node = (name, attributes = {}, text) => {
  const made = document.createElementNS(NS, name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  return made;
};
const path = (t, v, x, y, from, to) => {
  let out = "", pen = "M";
  for (let i = from; i < to; i++) {
    if (v[i] === null) { pen = "M"; continue; }
    out += pen + x(t[i]).toFixed(1) + " " + y(v[i]).toFixed(1); pen = "L";
  }
  return out;
};
const areaPath = (t, v, low, x, y, from, to) => {
  let out = "", run = [];
  const close = () => {
    if (run.length) out += "M" + run.map(i => x(t[i]).toFixed(1) + " " + y(v[i]).toFixed(1)).join("L") + "L" +
      run.reverse().map(i => x(t[i]).toFixed(1) + " " + y(low(i)).toFixed(1)).join("L") + "Z";
    run = [];
  };
  for (let i = from; i < to; i++) if (v[i] === null) close(); else run.push(i);
  close();
  return out;
};
const extent = (pane, series, from, to, log) => {
  let low = Infinity, high = -Infinity;
  const take = column => {
    for (let i = from; i < to; i++) {
      const v = column[i];
      if (v === null || v === undefined) continue;
      if (v < low && (!log || v > 0)) low = v;
      if (v > high) high = v;
    }
  };
  for (const [key] of pane.lines) if (series[key]) take(series[key]);
  if (pane.band) { take(series.low); take(series.high); }
  if (pane.zero) { low = Math.min(low, 0); high = Math.max(high, 0); }
  if (!isFinite(low) || !isFinite(high)) return [0, 1];
  if (low === 0 && high === 0) return pane.write === "pct" ? [-0.01, 0] : [0, 1];
  if (low === high) return [low - (Math.abs(low) * 0.01 || 1), high + (Math.abs(low) * 0.01 || 1)];
  const room = (high - low) * 0.06;
  if (log) return [low / 1.03, high * 1.03];
  return [pane.zero && low === 0 ? 0 : low - room, pane.zero && high === 0 ? 0 : high + room];
};
"""

DRAWING = r"""
const draw = box => {
  const name = box.dataset.chart, view = VIEWS[name], series = view.get();
  const width = Math.max(260, Math.round(box.clientWidth)), narrow = width < 520;
  const height = Math.round(view.height * (narrow ? 0.8 : 1)), right = narrow ? 58 : 78, foot = 24;
  const svg = node("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-hidden": "true"});
  box.replaceChildren(svg);
  if (!series.t.length) {
    const middle = {x: width / 2, y: height / 2, "text-anchor": "middle"};
    svg.append(node("text", middle, "n/a: too few values to draw"));
    box.state = null; legend(name, null); return;
  }
  const wide = width - right, x = t => (t - range[0]) / (range[1] - range[0] || 1) * wide;
  const from = Math.max(0, firstFrom(series.t, range[0]) - 1);
  const to = Math.min(series.t.length, firstFrom(series.t, range[1]) + 1);
  const clip = "clip-" + name;
  const defs = node("defs"), shape = node("clipPath", {id: clip});
  shape.append(node("rect", {x: 0, y: 0, width: wide, height})); defs.append(shape); svg.append(defs);
  for (const [t, text] of timeTicks(range[0], range[1], wide / 84)) {
    svg.append(node("line", {x1: x(t), x2: x(t), y1: 0, y2: height - foot, class: "gridline"}));
    const anchor = x(t) > 24 ? "middle" : "start";
    if (x(t) < wide - 12) svg.append(node("text", {x: x(t), y: height - 7, "text-anchor": anchor}, text));
  }
  const ink = node("g", {"clip-path": `url(#${clip})`});
  const state = {series, x, wide, right, height: height - foot, panes: [], svg};
  let top = 0;
  for (const pane of view.panes) {
    const tall = (height - foot) * pane.share - (view.panes.length > 1 ? 8 : 0);
    const log = logged.has(name) && pane.floor, [low, high] = extent(pane, series, from, to, log);
    const scale = log ? Math.log : v => v, at = top, a = scale(low), b = scale(high);
    const y = v => at + 6 + (1 - (scale(log ? Math.max(v, low) : v) - a) / (b - a)) * (tall - 8);
    const count = Math.max(2, tall / 46);
    const write = WRITE[pane.write] || (v => num(v, Math.min(series.places ?? 2, 8)));
    const short = (high - low) > 40 && pane.write === "money" ? v => num(v, 0) : write;
    const ticks = log ? logTicks(low, high, count) : niceTicks(low, high, count);
    const tidy = pane.write === "pct" && ticks.every(v => Math.abs(v * 100 - Math.round(v * 100)) < 1e-9);
    for (const v of ticks) {
      const zero = pane.zero && Math.abs(v) < 1e-12;
      svg.append(node("line", {x1: 0, x2: wide, y1: y(v), y2: y(v), class: zero ? "zeroline" : "gridline"}));
      svg.append(node("text", {x: wide + 8, y: y(v) + 4}, tidy ? num(v * 100, 0) + THIN + "%" : short(v)));
    }
    if (pane.band) ink.append(node("path", {class: "area a-band",
      d: areaPath(series.t, series.high, i => series.low[i], x, y, from, to)}));
    for (const key of pane.area || []) if (series[key]) ink.append(node("path", {class: "area a-" + key,
      d: areaPath(series.t, series[key], () => pane.zero ? 0 : low, x, y, from, to)}));
    for (const [key] of pane.lines) if (series[key]) ink.append(node("path", {class: "ln s-" + key,
      d: path(series.t, series[key], x, y, from, to)}));
    state.panes.push({pane, y, write}); top += tall + 8;
  }
  if (view.spans) shade(ink, state);
  if (view.marks) marks(ink, state);
  svg.append(ink);
  state.over = node("g"); svg.append(state.over);
  box.state = state; legend(name, null);
};
const shade = (ink, state) => {
  for (const [start, stop, text] of data.spans) {
    if (stop < range[0] || start > range[1]) continue;
    const a = state.x(start), b = state.x(stop);
    if (b - a > 1) ink.append(node("rect", {x: a, y: 0, width: b - a, height: state.height, class: "shade"}));
    else ink.append(node("line", {x1: a, x2: a, y1: 0, y2: state.height, class: "shadeline"}));
    ink.append(node("text", {x: Math.max(3, a + 4), y: 14, class: "shadetext"}, text));
  }
};
const triangle = (x, y, up, size) => {
  const tip = up ? y - size : y + size, foot = up ? y + size * 0.8 : y - size * 0.8;
  return `M${x} ${tip}L${x + size} ${foot}L${x - size} ${foot}Z`;
};
const marks = (ink, state) => {
  const y = state.panes[0].y, joins = [], tops = [];
  const all = state.series.trips.filter(r => (r[4] ?? Infinity) >= range[0] && r[0] <= range[1]);
  const net = r => r[6] ?? 0, ranked = [...all].sort((a, b) => net(b) - net(a));
  const seen = all.length <= 2 * MARKS ? all : [...ranked.slice(0, MARKS), ...ranked.slice(-MARKS)];
  if (seen !== all) state.note = `${MARKS} best and worst of ${all.length} trips; zoom in for the rest`;
  const size = seen.length > 80 ? 4 : 5;
  state.marks = [];
  for (const row of seen) {
    const [t, p, side, , end, out, gain] = row, px = state.x(t), py = y(p);
    if (end !== undefined) {
      const won = gain >= 0 ? "won" : "lost", qx = state.x(end), qy = y(out);
      joins.push(node("line", {x1: px, y1: py, x2: qx, y2: qy, class: "join j-" + won}));
      const bar = won === "won" ? "" : `M${qx - size} ${qy + size + 2.5}h${2 * size}`;
      tops.push(node("path", {d: triangle(qx, qy, side < 0, size) + bar, class: "m-" + won}));
      state.marks.push([qx, qy, row]);
    }
    tops.push(node("path", {d: triangle(px, py, side > 0, size), class: "m-in"}));
    state.marks.push([px, py, row]);
  }
  ink.append(...joins, ...tops);
};
"""
