"""How the contact sheet looks: quiet, so that the pictures are what one sees. Light and dark, narrow and wide."""

STYLE = """
:root { color-scheme: light dark; --back: #fafafa; --card: #fff; --text: #1d1d1f; --soft: #6a6a70; --line: #e4e4e8;
  --link: #5b3fa8 }
@media (prefers-color-scheme: dark) {
  :root { --back: #141416; --card: #1e1e21; --text: #ececee; --soft: #a0a0a8; --line: #313136; --link: #bda8f5 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.45 system-ui, sans-serif }
header, main, footer { padding: 0 clamp(12px, 3vw, 40px) }
header { padding-top: 28px }
h1 { margin: 0; font-size: 24px; font-weight: 650; letter-spacing: -.01em }
header p { margin: 4px 0 12px; color: var(--soft); overflow-wrap: anywhere }
a { color: var(--link) }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--link); outline-offset: 2px }
summary { cursor: pointer; width: max-content; color: var(--link) }
.days nav { display: flex; flex-wrap: wrap; gap: 4px 14px; padding: 10px 0; max-height: 40vh; overflow: auto }
.days a { text-decoration: none; font-variant-numeric: tabular-nums }
.days i { font-style: normal; color: var(--soft) }
.pages { padding: 6px 0; color: var(--soft) }
.pages a, .pages b { display: inline-block; min-width: 28px; padding: 2px 6px; text-align: center }
section { content-visibility: auto; contain-intrinsic-size: auto 900px; padding-bottom: 28px }
h2 { position: sticky; top: 0; z-index: 1; margin: 0 0 12px; padding: 10px 0; background: var(--back);
  border-bottom: 1px solid var(--line); font-size: 16px; font-weight: 600 }
h2 small { margin-left: 8px; color: var(--soft); font-weight: 400; font-size: 14px }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(220px, 44vw), 1fr)); gap: 16px }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; overflow: hidden;
  display: flex; flex-direction: column; scroll-margin-top: 56px }
.picture { overflow: hidden; font-size: 12.5px; color: var(--soft) }
.picture { display: grid; place-items: center; aspect-ratio: 1; background: color-mix(in srgb, var(--line) 45%, var(--back)) }
.picture img { width: 100%; height: 100%; object-fit: contain }
.nothing { color: var(--soft); font-size: 13px }
figcaption { padding: 10px 12px; display: flex; flex-direction: column; flex: 1; gap: 6px; min-width: 0 }
figcaption p { margin: 0 }
.prompt { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; overflow-wrap: anywhere }
.prompt:hover, figure:focus-within .prompt { -webkit-line-clamp: 12 }
.prompt.none { color: var(--soft) }
.facts { margin-top: auto !important; padding-top: 2px; display: flex; justify-content: space-between; gap: 8px;
  color: var(--soft); font-size: 12.5px; font-variant-numeric: tabular-nums }
.gone { padding: 1px 8px; border: 1px solid var(--line); border-radius: 10px; color: var(--soft); font-size: 12.5px }
.empty { color: var(--soft); padding: 40px 0 }
@media print { .days, .pages { display: none } section { content-visibility: visible } figure { break-inside: avoid } }
"""
