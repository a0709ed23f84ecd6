// The look of the drawn statecharts: quiet paper, one colour for how grave a state is, in light and in dark.

export const STYLE = `
:root{--paper:#fbfbfa;--box:#fff;--inner:#f4f5f4;--line:#c5cac8;--ink:#1d2422;--soft:#55605c;--arrow:#7b8682;--event:#22528f;--tone:#9aa5a1;--well:#2f9160;--warned:#c98a12;--limited:#7a63c7;--shut:#cc4a3d;--trial:#2d86b8;--away:#7d8783}
@media(prefers-color-scheme:dark){:root{--paper:#15191a;--box:#1e2425;--inner:#262d2e;--line:#414b4c;--ink:#e8eceb;--soft:#a9b4b1;--arrow:#82908d;--event:#8dbcf2;--tone:#6c7875;--well:#46b57f;--warned:#dba63a;--limited:#9d8ae6;--shut:#e5695c;--trial:#53a8d8;--away:#97a19d}}
.paper{fill:var(--paper)}
.box{fill:var(--box);stroke:var(--line);stroke-width:1.2}
.depth2 .box,.told{fill:var(--inner);stroke:var(--line);stroke-width:.8}
.inner{fill:none;stroke:var(--line)}
.stripe{fill:var(--tone)}
.well{--tone:var(--well)}.warned{--tone:var(--warned)}.limited{--tone:var(--limited)}.shut{--tone:var(--shut)}.trial{--tone:var(--trial)}.away{--tone:var(--away)}
.depth1 .box{stroke:var(--tone);stroke-width:1.5}
.arrow{fill:none;stroke:var(--arrow);stroke-width:1.3}
.head,.start{fill:var(--arrow)}
.label{fill:var(--paper)}
text{font-family:system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:var(--ink)}
.title{font-size:17px;font-weight:700}
.name{font-size:13px;font-weight:600}
.says{font-size:12px;fill:var(--soft)}
.note{font-size:11px;fill:var(--soft);font-style:italic}
.event{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--event)}
`
