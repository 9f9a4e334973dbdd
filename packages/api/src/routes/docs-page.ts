import { type Call, contractEntries } from '@millrace/shared'

/** A page that lists every endpoint, from the same table as the OpenAPI document; it loads no resources. */
export function docsPage(): string {
  const calls = contractEntries.map(([, call]) => call)
  const groups = Map.groupBy(calls, (one) => one.tag)
  const sections = [...groups].map(
    ([tag, members]) => `<h2>${html(tag)}</h2>\n${members.map(row).join('\n')}`,
  )
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Millrace API</title>
<meta name="viewport" content="width=device-width"><style>${style}</style></head><body><main>
<h1>Millrace API</h1>
<p>Every call but those marked <em>open</em> needs <code>Authorization: Bearer &lt;key&gt;</code>. Errors are
<code>application/problem+json</code> with a stable <code>code</code>. The whole contract: <a href="/openapi.json">openapi.json</a>.</p>
${sections.join('\n')}
</main></body></html>`
}

function row(one: Call): string {
  const answers = Object.entries(one.answers).map(
    ([status, { description }]) => `<code>${status}</code> ${html(description)}`,
  )
  return `<section><p class="call"><b class="${one.method.toLowerCase()}">${one.method}</b> <code>${html(one.path)}</code>
<span class="scope">${one.scope === 'none' ? 'open' : one.scope}</span></p><p>${html(one.summary)}. ${answers.join(' · ')}</p></section>`
}

const html = (text: string): string => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`)

const style = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0}main{max-width:52rem;margin:auto;padding:2rem 1rem}
h1{margin-top:0}h2{margin:2.2rem 0 .4rem;font-size:1.15rem}section{border-top:1px solid #8884;padding:.5rem 0}p{margin:.2rem 0}
code{font:14px ui-monospace,monospace}.call b{display:inline-block;min-width:4.2rem;font-size:13px}
.get{color:#1a7f5a}.post{color:#2563c9}.put,.patch{color:#a8650b}.delete{color:#c0352b}
.scope{float:right;font-size:13px;border:1px solid #8886;border-radius:9px;padding:0 .55rem}`
