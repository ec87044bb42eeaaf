"""Styles: two palettes with AA contrast, one layout from a phone to paper.

Colours have names of meaning;
 a theme is a set of colours and nothing else. Print always uses the light one.
"""

LIGHT = """
--bg:#f5f7fa;--card:#ffffff;--line:#d3dbe4;--grid:#e4e9ef;--ink:#0f1720;--muted:#4d5b6a;--accent:#0b57b8;
--up:#00694a;--down:#b3261e;--warn:#8a5a00;--track:#e4e9ef;--shade:#8a5a00;color-scheme:light;
"""
DARK = """
--bg:#0b0f14;--card:#11171f;--line:#243040;--grid:#1d2733;--ink:#e8edf3;--muted:#9aa7b4;--accent:#6cb2ff;
--up:#3ddc97;--down:#ff7b7b;--warn:#f5b94a;--track:#222c38;--shade:#f5b94a;color-scheme:dark;
"""

LAYOUT = """
*{box-sizing:border-box}
html{scroll-padding-top:1rem;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);
font:15px/1.5 "DejaVu Sans",system-ui,"Segoe UI",Roboto,sans-serif;
font-variant-numeric:tabular-nums}
header{border-bottom:1px solid var(--line);background:var(--card);padding:14px 20px 0}
main,header>*{max-width:1440px;margin-inline:auto}
main{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:14px;padding:16px 20px 40px}
.bar{display:flex;align-items:center;gap:12px;flex-wrap:wrap}
.brand{color:var(--muted);font-weight:700}
h1{font-size:1.25rem;margin:0;overflow-wrap:anywhere}
.bar button:first-of-type{margin-left:auto}
.badge{border:1px solid var(--accent);color:var(--accent);border-radius:99px;padding:1px 12px;
font-size:.75rem}
.chips{list-style:none;display:flex;flex-wrap:wrap;gap:6px;padding:0;margin-block:12px 8px}
.chips li{border:1px solid var(--line);border-radius:99px;padding:1px 10px;font-size:.8rem}
nav{display:flex;gap:4px;overflow-x:auto}
nav a{color:var(--muted);text-decoration:none;padding:8px 12px;border-radius:8px 8px 0 0;white-space:nowrap}
nav a:hover{color:var(--ink);background:var(--bg)}
button,select{font:inherit;font-size:.85rem;color:var(--ink);background:var(--bg);
border:1px solid var(--line);
border-radius:8px;padding:5px 12px;cursor:pointer;max-width:100%}
button:hover,select:hover{border-color:var(--accent)}
button[aria-pressed=true]{border-color:var(--accent);color:var(--accent)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.skip{position:absolute;left:-99em}
.skip:focus{left:12px;top:8px;background:var(--card);padding:8px;z-index:9}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px;min-width:0}
.wide,.kpis{grid-column:1/-1}
.tall{grid-row:span 2}
.nb{white-space:nowrap}
.top{display:flex;align-items:center;gap:12px;flex-wrap:wrap;margin-bottom:10px;min-height:30px}
.tools{margin-left:auto;display:flex;gap:8px}
h2,.kpi dt{font-size:.75rem;letter-spacing:.07em;text-transform:uppercase;color:var(--muted);margin:0;
font-weight:700}
.note{color:var(--muted);font-size:.83rem;margin:8px 0 0;overflow-wrap:anywhere}
.up{color:var(--up)}.down{color:var(--down)}
.verdict{border-left:4px solid var(--muted);color:var(--ink)}
.verdict.up{border-left-color:var(--up)}.verdict.down{border-left-color:var(--down)}
.verdict p{margin:6px 0 0;font-size:1.02rem;max-width:95ch}
.kpis{display:grid;grid-template-columns:repeat(6,minmax(0,1fr));gap:12px;margin:0}
.kpi dd{margin:0}.kpi .value{font-size:1.45rem;font-weight:700;line-height:1.5;overflow-wrap:anywhere}
.kpi .note{margin:0;font-size:.8rem}
.scroll{overflow-x:auto;border-radius:6px}
table{border-collapse:collapse;width:100%;font-size:.85rem}
th,td{padding:7px 10px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
tbody tr:last-child>*{border-bottom:0}
tfoot>tr>*{border-top:2px solid var(--line);border-bottom:0;font-weight:700}
thead th{color:var(--muted);font-weight:400}
th:first-child{text-align:left;font-weight:400}
thead button{all:unset;cursor:pointer;color:var(--muted)}
thead button:focus-visible{outline:2px solid var(--accent)}
th[aria-sort=descending] button::after{content:" \\25BE"}
th[aria-sort=ascending] button::after{content:" \\25B4"}
tbody tr:hover{background:color-mix(in srgb,var(--accent) 7%,transparent)}
.months td,.months thead th{text-align:center;min-width:52px}
.months td{border:2px solid var(--card);border-radius:6px}
.months td.heat{color:var(--ink)}
.heat.up{background:color-mix(in srgb,var(--up) var(--heat),transparent)}
.heat.down{background:color-mix(in srgb,var(--down) var(--heat),transparent)}
.months .total{font-weight:700}
"""

DRAWN = """
.plot{position:relative;touch-action:pan-y;cursor:crosshair;border-radius:6px}
.plot svg{display:block;width:100%;height:auto;user-select:none}
.plot text{fill:var(--muted);font-size:12px}
.legend{display:flex;flex-wrap:wrap;gap:2px 18px;font-size:.85rem;min-height:1.6em;margin-bottom:4px}
.legend b{font-weight:600}
.legend i{display:inline-block;width:18px;border-top-width:2px;border-top-style:solid;
vertical-align:middle;margin-right:6px}
.legend .when{color:var(--muted)}
.gridline{stroke:var(--grid)}.zeroline{stroke:var(--muted);stroke-opacity:.6}
.ln{fill:none;stroke-width:1.6;stroke-linejoin:round;vector-effect:non-scaling-stroke}
.s-fund,.s-sharpe,.s-close{stroke:var(--accent);border-color:var(--accent)}
.s-net{stroke:var(--ink);border-color:var(--ink)}.ln.s-net{stroke-width:1;stroke-opacity:.8}
.s-held{stroke:var(--muted);border-color:var(--muted);stroke-dasharray:5 4;
border-top-style:dashed!important}
.s-drawdown{stroke:var(--down);border-color:var(--down)}.s-gross{stroke:var(--accent);
border-color:var(--accent)}
.area{stroke:none;fill-opacity:.16}.a-drawdown{fill:var(--down)}
.a-fund,.a-gross,.a-band,.a-sharpe{fill:var(--accent)}
.a-fund{fill-opacity:.07}
.shade{fill:var(--shade);fill-opacity:.16}.shadeline{stroke:var(--shade);stroke-dasharray:3 3}
.plot .shadetext{fill:var(--warn);font-size:11px}
.cross{stroke:var(--muted);stroke-dasharray:2 3}.dot{stroke:var(--card);stroke-width:1.5}
.d-fund,.d-sharpe,.d-gross,.d-close{fill:var(--accent)}.d-held{fill:var(--muted)}
.d-drawdown{fill:var(--down)}.d-net{fill:var(--ink)}
.pick{fill:var(--accent);fill-opacity:.18}
.m-in{fill:var(--ink);stroke:var(--card);stroke-width:1}
.m-won{fill:var(--card);stroke:var(--up);stroke-width:1.8}.m-lost{fill:var(--card);stroke:var(--down);
stroke-width:1.8}
.j-won{stroke:var(--up)}.j-lost{stroke:var(--down)}.join{stroke-dasharray:2 3;stroke-opacity:.85}
.near{font-size:.83rem;color:var(--ink)}
.track{position:relative;display:block;height:12px;background:var(--track);border-radius:6px;
overflow:hidden}
.fill{position:absolute;top:0;bottom:0;left:0;border-radius:3px;background:var(--muted)}
.fill.up{background:var(--up)}.fill.down{background:var(--down)}.fill.solid{background:var(--accent)}
.fill.pale{background:color-mix(in srgb,var(--accent) 35%,transparent)}
.zero{position:absolute;top:0;bottom:0;border-left:1px solid var(--ink)}
.fall,.rule{display:grid;grid-template-columns:11.5em minmax(3em,1fr) 7em;column-gap:12px;
align-items:center;padding:5px 0}
.fall{grid-template-columns:5em minmax(3em,1fr) 7em}.fall .track{height:18px;border-radius:4px}
.figure{text-align:right;font-size:.88rem}
.fall .note,.rule .note{grid-column:2/-1;margin:0;font-size:.78rem}
.rule .name{font-size:.85rem;overflow-wrap:anywhere}
.key{font-size:.83rem;color:var(--muted);margin:0 0 6px}
.swatch{display:inline-block;width:14px;height:10px;border-radius:3px;margin:0 6px 0 8px;
background:var(--accent)}
.swatch.pale{background:color-mix(in srgb,var(--accent) 35%,transparent)}
dl{margin:0}.parameters dl dl{margin-left:14px;border-left:1px solid var(--line);padding-left:12px}
.leaf{display:flex;justify-content:space-between;gap:16px;padding:3px 0;font-size:.87rem}
.leaf dt{color:var(--muted)}.leaf dd{margin:0;text-align:right;overflow-wrap:anywhere}
summary{cursor:pointer;padding:4px 0;font-size:.87rem;font-weight:600}
.digest{padding:5px 0}.digest dt{color:var(--muted);font-size:.85rem}
.digest dd{margin:0;display:flex;gap:10px;align-items:center}
code{font:12px/1.4 "DejaVu Sans Mono",ui-monospace,monospace;overflow-wrap:anywhere;flex:1}
.definitions>div{display:grid;grid-template-columns:9em 1fr;gap:12px;padding:4px 0;font-size:.87rem}
.definitions dt{color:var(--muted)}.definitions dd{margin:0;max-width:95ch}
"""

NARROW = """
@media(max-width:1100px){.kpis{grid-template-columns:repeat(4,minmax(0,1fr))}}
@media(max-width:820px){main{grid-template-columns:minmax(0,1fr);padding:12px 10px 30px;gap:10px}
header{padding:12px 10px 0}.kpis{grid-template-columns:repeat(2,minmax(0,1fr));gap:10px}.card{padding:12px}
.kpi .value{font-size:1.2rem}.rule{grid-template-columns:minmax(0,1fr) auto}.tall{grid-row:auto}
.rule .track{grid-column:1/-1;grid-row:2}
.rule .note{grid-column:1/-1}.definitions>div{grid-template-columns:1fr;gap:0}.verdict p{font-size:.95rem}}
"""

PAPER = """
@page{size:A4;margin:12mm}
@media print{:root,:root[data-theme]{LIGHT --bg:#ffffff}body{font-size:11px}
nav,button,.tools,.skip{display:none!important}
main{display:block;padding:0}.card{break-inside:avoid;margin-bottom:8px}
.kpis{grid-template-columns:repeat(4,1fr)}
.scroll{overflow:visible}.plot svg{max-height:80mm}
table{font-size:9px}th,td{padding:3px 5px}.months td{min-width:0}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""

STYLES = (
    f":root{{{LIGHT}}}@media(prefers-color-scheme:dark){{:root{{{DARK}}}}}"
    f":root[data-theme=light]{{{LIGHT}}}:root[data-theme=dark]{{{DARK}}}"
    + LAYOUT
    + DRAWN
    + NARROW
    + PAPER.replace("LIGHT", LIGHT)
).replace("\n", "")
