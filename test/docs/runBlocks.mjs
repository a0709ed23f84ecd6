// Runs compiled code blocks one after the other, each in a directory of its own, with a small upstream on loopback behind the
// `url` they use. Arguments: the modules. Prints one line of JSON for each: `{file, error}`.
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const upstream = createServer((request, response) => {
  const { searchParams } = new URL(request.url, 'http://upstream')
  response.writeHead(Number(searchParams.get('status') ?? 200), { 'content-type': 'application/json', connection: 'close' })
  response.end(JSON.stringify(['a first hit', 'a second one']))
})
await new Promise((resolve) => upstream.listen(0, '127.0.0.1', resolve))
globalThis.url = `http://127.0.0.1:${upstream.address().port}/search`
process.env.SEARCH_URL = globalThis.url

const print = console.log
console.log = () => undefined
const home = process.cwd()
for (const file of process.argv.slice(2)) {
  const directory = join(home, 'runs', basename(file, '.mjs'))
  mkdirSync(directory, { recursive: true })
  process.chdir(directory)
  let error
  try {
    await import(pathToFileURL(file).href)
  } catch (thrown) {
    error = thrown instanceof Error ? String(thrown.stack) : String(thrown)
  }
  print(JSON.stringify({ file, error }))
}
upstream.close()
