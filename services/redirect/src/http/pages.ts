/** The few pages people see here. No script, no font, no image: they are there at once, in light and dark. */

const style = `
:root{color-scheme:light dark;--ink:#1c2230;--soft:#5b6577;--paper:#f6f4ef;--card:#fff;--line:#e4dfd4;--accent:#c2410c}
@media (prefers-color-scheme:dark){:root{--ink:#ece9e2;--soft:#a3a9b8;--paper:#14161c;--card:#1c1f27;--line:#2c303b;--accent:#fb923c}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100dvh;display:grid;place-items:center;padding:1.5rem;background:var(--paper);
color:var(--ink);font:1.0625rem/1.6 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{width:100%;max-width:30rem;padding:2.5rem clamp(1.5rem,6vw,2.75rem);background:var(--card);border:1px solid var(--line);border-radius:1rem}
.code{margin:0;font:600 .875rem/1 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;letter-spacing:.08em;color:var(--accent)}
h1{margin:.75rem 0 .5rem;font-size:clamp(1.5rem,5vw,1.9rem);line-height:1.2;letter-spacing:-.015em;text-wrap:balance}
p{margin:0;color:var(--soft);text-wrap:pretty}
code{font:inherit;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--ink);overflow-wrap:anywhere}
strong{color:var(--ink)}a{color:var(--accent)}
form{margin:1.5rem 0 0;display:grid;gap:.5rem}label{font-weight:600;color:var(--ink)}
input,button{font:inherit;padding:.6rem .8rem;border-radius:.5rem;border:1px solid var(--line);background:var(--paper);color:var(--ink)}
button{border-color:var(--accent);background:var(--accent);color:#fff;font-weight:600;cursor:pointer}
@media (prefers-color-scheme:dark){button{color:#14161c}}
dl{margin:1.25rem 0;display:grid;grid-template-columns:auto 1fr;gap:.4rem 1rem}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
ul{margin:0 0 1.25rem;padding-left:1.1rem;color:var(--ink)}`

export interface PageText {
  readonly label: string
  readonly heading: string
  /** What follows the heading, within a paragraph. Everything in it that is not ours is escaped. */
  readonly html: string
}

export function page({ label, heading, html }: PageText): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex"><title>${heading}</title><style>${style}</style></head>
<body><main><p class="code">${label}</p><h1>${heading}</h1><p>${html}</p></main></body></html>
`
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

export function homePage(publicUrl: string): string {
  return page({
    label: 'linkfleet',
    heading: 'Short links live here',
    html: `Addresses of the form <code>${escapeHtml(publicUrl)}/…</code> lead on to the pages their makers chose. Add <code>+</code> to one to see where it leads.`,
  })
}
