// The page that stands between the relay and an inspector which lives elsewhere: it shows the inspector in a frame, listens to
// the relay's WebSocket, and posts what it hears into the frame once the frame says `@statelyai.connected`.

export interface BridgePage {
  readonly html: string
  /** Lets the page do nothing but that. */
  readonly contentSecurityPolicy: string
}

/** `inspector` is the address of the inspector's page; `port` the relay's; `nonce` is made anew for each answer. */
export function bridgePage(inspector: URL, port: number, nonce: string): BridgePage {
  const settings = JSON.stringify({ inspector: inspector.origin, port }).replaceAll('<', '\\u003c')
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Switchgear · inspector</title>
<style nonce="${nonce}">html, body, iframe { margin: 0; width: 100%; height: 100%; border: 0; display: block }</style>
</head>
<body>
<iframe id="inspector" title="inspector" src="${escaped(inspector.href)}"></iframe>
<script nonce="${nonce}">
const { inspector, port } = ${settings}
const frame = document.getElementById('inspector')
const waiting = []
let ready = false
const post = (message) => frame.contentWindow.postMessage(message, inspector)
addEventListener('message', ({ source, data }) => {
  if (source !== frame.contentWindow || data?.type !== '@statelyai.connected') return
  ready = true
  for (const message of waiting.splice(0)) post(message)
})
new WebSocket('ws://' + location.hostname + ':' + port).onmessage = ({ data }) => {
  const message = JSON.parse(data)
  if (ready) post(message)
  else waiting.push(message)
}
</script>
</body>
</html>
`
  const relays = `ws://127.0.0.1:${port} ws://localhost:${port}`
  const contentSecurityPolicy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    `frame-src ${inspector.origin}`,
    `connect-src ${relays}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  return { html, contentSecurityPolicy }
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
}
