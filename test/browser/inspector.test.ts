// The whole way of the live view: board, relay, bridge page and an inspector's page in a real browser. The page stands in for
// the hosted one, which is not to be reached from everywhere, and speaks the same protocol.
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createInspector, type Inspector } from '../../src/inspect.ts'
import { STATES } from '../../src/model/states.ts'
import { VirtualClock } from '../../src/model/virtualClock.ts'
import { createSwitchgear, type Switchgear } from '../../src/switchgear.ts'
import { SERVICES, visitAllStates } from '../allStates.ts'

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'
// Only a developer's machine may lack a browser; where CI is set, its absence fails the tests.
const canRun = existsSync(CHROMIUM) || Boolean(process.env.CI)
if (!canRun) console.warn(`\n*** ${CHROMIUM} is missing: THE BROWSER TESTS ARE NOT RUN (apt-get install chromium) ***\n`)

describe.runIf(canRun)('an inspector in the browser', () => {
  const clock = new VirtualClock()
  let pages: Server
  let inspector: Inspector
  let gear: Switchgear<typeof SERVICES>
  let browser: Browser
  let page: Page
  const problems: string[] = []

  beforeAll(async () => {
    const html = readFileSync(new URL('inspectorPage.html', import.meta.url))
    pages = createServer((_, response) => response.setHeader('content-type', 'text/html').end(html))
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve))
    const { port } = pages.address() as AddressInfo
    inspector = await createInspector({ port: 0, page: `http://127.0.0.1:${port}/` })
    gear = await createSwitchgear({ services: SERVICES, clock, inspect: inspector.inspect })
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
        ...['--disable-component-update', '--disable-sync'],
      ],
    })
    page = await browser.newPage()
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('favicon')) problems.push(message.text())
    })
    await page.goto(inspector.url)
  }, 60_000)

  afterAll(async () => {
    await browser?.close()
    await gear?.close()
    await inspector?.close()
    pages?.close()
  })

  test('shows each of the seven states while the breaker stands in it', async () => {
    const row = page.frameLocator('#inspector').locator('#actor-search')
    const state = row.locator('.state')
    await state.getByText('closed.watching').waitFor()
    await visitAllStates(gear, clock, async () => {
      await state.getByText(gear.services.search.path, { exact: true }).waitFor()
    })
    const visited = (await row.locator('.visited').textContent())?.split(' ') ?? []
    expect(visited.sort()).toEqual([...STATES].sort())
    expect(problems).toEqual([])
  }, 60_000)
})
