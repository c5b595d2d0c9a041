"""How a page looks: readable by day and by night, on a phone and on paper."""

CSS = """
:root { color-scheme: light dark; --ink: #1f2933; --soft: #5f6b76; --line: #d8dee4;
  --paper: #ffffff; --band: #f5f7f9; --accent: #1f5f9f; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaee; --soft: #a3adb8; --line: #38424d; --paper: #161b21; --band: #1e252d;
    --accent: #7db7ee; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 70rem; color: var(--ink);
  background: var(--paper); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.7rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; padding-bottom: .25rem;
  border-bottom: 1px solid var(--line); }
.lead { color: var(--soft); margin: .3rem 0 1rem; overflow-wrap: anywhere; }
.note { color: var(--soft); font-size: .85rem; margin: .4rem 0; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1rem; font-size: .9rem; }
a { color: var(--accent); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .3rem .8rem; text-align: left; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
thead th.number { text-align: right; }
thead th { color: var(--soft); font-weight: 600; }
tbody tr:nth-child(even) { background: var(--band); }
.number { text-align: right; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(27rem, 100%), 1fr));
  gap: 1rem; align-items: start; }
figure { margin: 0; padding: .75rem; background: #ffffff; border: 1px solid var(--line);
  border-radius: .5rem; }
img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
pre { background: var(--band); padding: .75rem; overflow-x: auto; white-space: pre-wrap; }
@media print { nav { display: none; } figure { break-inside: avoid; } }
"""
