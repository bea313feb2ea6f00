"""How the page of a report looks, on a screen and on A4 paper."""

STYLE = """
* { box-sizing: border-box }
html { background: #fff; color: #1a2129;
  font: 16px/1.7 "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", sans-serif }
body { margin: 0 }
main { max-width: 56rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; overflow-wrap: anywhere }
h1 { font-size: 1.75rem; line-height: 1.35; text-align: center; margin: .6rem 0 .3rem; text-wrap: balance }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .8rem; border-bottom: 2px solid #1f5f9f; padding-bottom: .2rem }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .5rem }
p { margin: .5rem 0; white-space: pre-line }
section > p:not([class]) { text-indent: 2em }
.notice { border: 2px solid #8f1d21; color: #8f1d21; background: #fff; font-weight: 700; text-align: center;
  padding: .2rem 1rem; margin: 0 auto; width: fit-content }
.subtitle { text-align: center; color: #3d4854 }
.title, figcaption, caption { font-weight: 700; text-align: center; margin: 1.2rem 0 .4rem }
caption { padding: .2rem }
table { border-collapse: collapse; width: 100%; font-size: .92rem; line-height: 1.5; font-variant-numeric: tabular-nums }
td, th { border: 1px solid #b6c0cb; padding: .3rem .5rem; text-align: left; vertical-align: top; white-space: pre-line }
thead th, tfoot td, .facts th, .about th { background: #eef2f6; color: #1a2129 }
thead th { vertical-align: middle }
tfoot td { font-weight: 700 }
.grid { table-layout: fixed }
.facts th, .about th { width: 11rem }
.about { margin: 1.2rem 0 }
td.right, th.right { text-align: right }
td.centre, th.centre { text-align: center }
.scroll { overflow-x: auto; margin: .8rem 0 }
.scroll:focus-visible { outline: 3px solid #1f5f9f; outline-offset: 2px }
.mark { border: 1.5px solid #8f1d21; border-radius: 3px; padding: 0 .35em; color: #8f1d21; background: #fff; font-weight: 700;
  -webkit-box-decoration-break: clone; box-decoration-break: clone }
.kind { border: 1px solid #5b6773; border-radius: 3px; padding: 0 .35em; font-size: .88em; color: #3d4854; background: #fff }
.day { font-weight: 700; margin: 1rem 0 .2rem }
.timeline { list-style: none; margin: 0 0 1rem 8px; padding: 0; border-left: 3px solid #1f5f9f }
.timeline li { display: grid; grid-template-columns: 5.2rem 1fr; gap: .6rem; padding: .3rem 0 .3rem .9rem; position: relative }
.timeline li::before { content: ""; position: absolute; left: -8px; top: .75rem; width: 13px; height: 13px;
  border-radius: 50%; border: 2px solid #fff; background: #1f5f9f }
.timeline li.late::before { border-radius: 0; transform: rotate(45deg); background: #8f1d21 }
.timeline time { font-variant-numeric: tabular-nums; font-weight: 700 }
.timeline div div { white-space: pre-line }
.note { border: 1px solid #1f5f9f; border-left-width: 6px; padding: .5rem .9rem; margin: 1rem 0;
  background: #f1f6fb; color: #1a2129; white-space: pre-line }
.note.warn { border-color: #8a5a00; background: #fff8e8; color: #1a2129 }
figure { margin: 1.2rem 0 }
figure svg { display: block; width: 100%; min-width: 40rem; height: auto; font-family: inherit }
.break { break-after: page }
@media (max-width: 40rem) {
  .facts th, .about th { width: 7rem }
  .timeline li { grid-template-columns: 1fr; gap: 0 }
}
@page { size: A4; margin: 37mm 26mm 35mm 28mm;
  @bottom-center { content: "第 " counter(page) " 页 共 " counter(pages) " 页"; font-size: 10.5pt } }
@media print {
  html { font-size: 10.5pt; -webkit-print-color-adjust: exact; print-color-adjust: exact }
  main { max-width: none; padding: 0 }
  h1 { font-size: 18pt }
  h2, h3, .title, figcaption, .day, caption { break-after: avoid }
  thead { display: table-header-group }
  tfoot { display: table-row-group }
  tr, .timeline li, .note, figure .scroll { break-inside: avoid }
  .scroll { overflow: visible }
  .grid { min-width: 0 !important }
  figure svg { min-width: 0 }
  p { orphans: 2; widows: 2 }
}
"""
