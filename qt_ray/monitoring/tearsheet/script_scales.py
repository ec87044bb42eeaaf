"""Scales: how the page's script writes numbers and chooses the ticks of an axis."""

FORMATS = r"""
const data = JSON.parse(document.getElementById("data").textContent);
const NS = document.getElementById("ns").namespaceURI;
const MINUS = "\u2212", THIN = "\u202f";
const $ = (query, from = document) => [...from.querySelectorAll(query)];
const num = (v, places = 2, signed = false) => {
  if (v === null || v === undefined || !isFinite(v)) return "n/a";
  const [whole, part] = Math.abs(v).toFixed(places).split(".");
  const text = whole.replace(/\B(?=(\d{3})+$)/g, THIN) + (part ? "." + part : "");
  return (/[1-9]/.test(text) ? (v < 0 ? MINUS : signed ? "+" : "") : "") + text;
};
const WRITE = {
  money: v => num(v, Math.abs(v) >= 1e5 ? 0 : 2),
  pct: v => v === null || v === undefined ? "n/a" : num(v * 100, 2) + THIN + "%",
  x: v => v === null || v === undefined ? "n/a" : num(v, 2) + "\u00d7",
  ratio: v => num(v, 2),
};
const pad = n => String(n).padStart(2, "0");
const MON = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const when = t => {
  const d = new Date(t * 1000);
  return `${d.getUTCFullYear()}-${pad(d.getUTCMonth() + 1)}-${pad(d.getUTCDate())} ` +
    `${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}`;
};
"""

SCALES = r"""
const niceTicks = (low, high, count) => {
  const raw = (high - low) / Math.max(1, count), power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map(m => m * power).find(s => s >= raw * 0.999);
  const out = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) out.push(k * step);
  return out;
};
const logTicks = (low, high, count) => {
  const all = [];
  for (let p = Math.floor(Math.log10(low)); p <= Math.log10(high) + 1; p++)
    for (const m of [1, 2, 5]) if (m * 10 ** p >= low && m * 10 ** p <= high) all.push(m * 10 ** p);
  if (all.length < 3) return niceTicks(low, high, count);
  return all.filter((_, i) => i % Math.ceil(all.length / count) === 0);
};
const MINUTE = 60, DAY = 86400;
const timeTicks = (low, high, count) => {
  const raw = (high - low) / Math.max(1, count), out = [];
  const steps = [1, 5, 15, 60, 180, 360, 720, 1440, 2880, 5760, 10080, 20160].map(m => m * MINUTE);
  const step = steps.find(s => s >= raw);
  if (step) {
    for (let t = Math.ceil(low / step) * step; t <= high; t += step) {
      const d = new Date(t * 1000);
      out.push([t, step < DAY && t % DAY ? `${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}`
        : `${d.getUTCDate()} ${MON[d.getUTCMonth()]}`]);
    }
    return out;
  }
  const months = [1, 2, 3, 6, 12, 24, 60, 120].find(m => m * 30.4 * DAY >= raw) || 240;
  const start = new Date(low * 1000);
  let index = Math.ceil((start.getUTCFullYear() * 12 + start.getUTCMonth()) / months) * months;
  for (;; index += months) {
    const t = Date.UTC(Math.floor(index / 12), index % 12) / 1000;
    if (t > high) return out;
    const year = Math.floor(index / 12), name = MON[index % 12] + (out.length ? "" : " " + year);
    if (t >= low) out.push([t, index % 12 === 0 ? String(year) : name]);
  }
};
const nearest = (t, at) => {
  let low = 0, high = t.length - 1;
  while (high - low > 1) { const mid = (low + high) >> 1; if (t[mid] < at) low = mid; else high = mid; }
  return at - t[low] <= t[high] - at ? low : high;
};
const firstFrom = (t, at) => {
  let low = 0, high = t.length;
  while (low < high) { const mid = (low + high) >> 1; if (t[mid] < at) low = mid + 1; else high = mid; }
  return low;
};
"""
