// The system clock: order and "never early" with waits of a few ms; what keeps a process alive is seen from a child process.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { SystemClock } from '../../src/model/clock.ts'
import { Timer } from '../../src/model/timerWheel.ts'

class Note extends Timer {
  override keepsProcessAlive = true
  constructor(readonly onFire: (at: number) => void) {
    super()
  }
  fire(at: number): void {
    this.onFire(at)
  }
}

/** Arms a timer `ms` from now; resolves when it fires. */
function wait(clock: SystemClock, ms: number): Promise<number> {
  return new Promise((resolve) => clock.arm(new Note(resolve), clock.now() + ms))
}

afterEach(() => void vi.restoreAllMocks())

describe('the system clock', () => {
  it('tells the time of the wall clock', () => {
    const { timeOrigin } = performance
    timeByHand(1234.5)
    expect(new SystemClock().now()).toBe(timeOrigin + 1234.5)
  })

  it('never runs backwards', () => {
    const clock = new SystemClock()
    let last = clock.now()
    for (let i = 0; i < 1_000; i++) {
      const now = clock.now()
      expect(now).toBeGreaterThanOrEqual(last)
      last = now
    }
  })

  it('fires in order of due time, whatever the order of arming, and never early', async () => {
    const clock = new SystemClock()
    const start = clock.now()
    const fired: number[] = []
    const early: number[] = []
    await Promise.all(
      [6.3, 1.2, 4, 0, 2.7].map(
        (ms) =>
          new Promise<void>((resolve) => {
            const timer = new Note((at) => {
              fired.push(ms)
              if (clock.now() < start + ms || at < start + ms) early.push(ms)
              resolve()
            })
            clock.arm(timer, start + ms)
          }),
      ),
    )
    expect(fired).toEqual([0, 1.2, 2.7, 4, 6.3])
    expect(early).toEqual([])
  })

  it('does not fire early after the event loop was blocked while arming', async () => {
    const clock = new SystemClock()
    const until = clock.now() + 5
    while (clock.now() < until);
    const due = clock.now() + 3
    const at = await new Promise<number>((resolve) => clock.arm(new Note(resolve), due))
    expect(at).toBeGreaterThanOrEqual(due)
    expect(clock.now()).toBeGreaterThanOrEqual(due)
  })

  it('does not fire what was disarmed, and fires what was moved once, at its new time', async () => {
    const clock = new SystemClock()
    const start = clock.now()
    const fired: string[] = []
    const gone = new Note(() => fired.push('gone'))
    const moved = new Note(() => fired.push('moved'))
    clock.arm(gone, start + 1)
    clock.arm(moved, start + 1)
    clock.arm(moved, start + 5)
    clock.arm(new Note(() => fired.push('3 ms')), start + 3)
    clock.disarm(gone)
    await wait(clock, 8)
    expect(fired).toEqual(['3 ms', 'moved'])
  })

  it('goes on after a timer that armed another while firing', async () => {
    const clock = new SystemClock()
    const hops = await new Promise<number>((resolve) => {
      let count = 0
      const hop: Note = new Note((at) => (++count === 3 ? resolve(count) : clock.arm(hop, at + 1)))
      clock.arm(hop, clock.now())
    })
    expect(hops).toBe(3)
  })

  it('stays where it is when the wall clock is set back', async () => {
    const clock = new SystemClock()
    const before = clock.now()
    const wall = Date.now()
    vi.spyOn(Date, 'now').mockReturnValue(wall - 3_600_000)
    await wait(clock, 1)
    expect(clock.now()).toBeGreaterThan(before)
  })

  it.each([5_000, 59_000])('times nothing out when the wall clock is set %d ms ahead', async (ms) => {
    const pass = timeByHand()
    const clock = new SystemClock()
    const start = clock.now()
    const fired: string[] = []
    clock.arm(new Note(() => fired.push('timeout')), start + 4_000)
    vi.spyOn(Date, 'now').mockReturnValue(start + ms)
    for (let i = 0; i < 2; i++) {
      const waited = wait(clock, 1)
      pass(2)
      await waited
    }
    expect(fired).toEqual([])
    expect(clock.now()).toBe(start + 4)
  })

  it('follows the wall clock after a machine has slept for over a minute, and fires what came due meanwhile', async () => {
    const pass = timeByHand()
    const clock = new SystemClock()
    const start = clock.now()
    const slept = new Promise<number>((resolve) => clock.arm(new Note(resolve), start + 60_000))
    const later: number[] = []
    clock.arm(new Note((at) => later.push(at)), start + 120_000)
    vi.spyOn(Date, 'now').mockReturnValue(start + 61_000)
    const waited = wait(clock, 1)
    pass(2)
    await waited
    expect(await slept).toBeGreaterThanOrEqual(start + 60_000)
    expect(clock.now()).toBe(start + 61_000)
    expect(later).toEqual([])
  })
})

/** The monotonic clock stands still but for what it is told; timers of Node run on. Whole ms, that sums are exact. */
function timeByHand(at = Math.ceil(performance.now())): (ms: number) => void {
  let now = at
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  return (ms) => {
    now += ms
  }
}

describe('a process', () => {
  const run = promisify(execFile)

  /** Runs `script` in a child with `clock` (a SystemClock) and `Note` at hand; resolves to what it printed. */
  async function child(script: string): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), 'clock-'))
    try {
      for (const file of ['clock', 'timer', 'timerWheel']) {
        const source = await readFile(new URL(`../../src/model/${file}.ts`, import.meta.url), 'utf8')
        const { outputText } = ts.transpileModule(source, {
          compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
        })
        await writeFile(join(dir, `${file}.mjs`), outputText.replace(/(from '\.\/\w+)\.ts'/g, "$1.mjs'"))
      }
      const start = `import { SystemClock } from './clock.mjs'
        import { Timer } from './timerWheel.mjs'
        class Note extends Timer {
          constructor(text, keeps) { super(); this.text = text; this.keepsProcessAlive = keeps }
          fire() { console.log(this.text) }
        }
        const clock = new SystemClock()
        const arm = (text, ms, keeps) => { const note = new Note(text, keeps); clock.arm(note, clock.now() + ms); return note }\n`
      await writeFile(join(dir, 'main.mjs'), start + script)
      // The timeout is only there to end a child that would wait for a timer an hour away.
      return (await run(process.execPath, [join(dir, 'main.mjs')], { timeout: 20_000 })).stdout
    } finally {
      await rm(dir, { recursive: true })
    }
  }

  it('is not kept alive by timers, unless they say so', async () => {
    const printed = await child(`
      arm('an hour', 3_600_000, false)
      arm('kept', 5, true)`)
    expect(printed).toBe('kept\n')
  })

  it('is not kept alive by a timer that was disarmed', async () => {
    expect(await child(`clock.disarm(arm('an hour', 3_600_000, true))`)).toBe('')
  })

  it('is still held by one timer when another is disarmed', async () => {
    const printed = await child(`
      arm('kept', 10, true)
      clock.disarm(arm('gone', 3_600_000, true))
      clock.disarm(arm('free', 3_600_000, false))`)
    expect(printed).toBe('kept\n')
  })

  it('is kept alive by a timer that is armed behind one which does not hold it', async () => {
    expect(await child(`arm('free', 1, false); arm('kept', 8, true)`)).toBe('free\nkept\n')
  })

  it('goes on with its timers after one of them threw', async () => {
    const printed = await child(`
      process.on('uncaughtException', (error) => console.log(error.message))
      const failing = arm('', 1, true)
      failing.fire = () => {
        arm('next', 2, true)
        throw new Error('boom')
      }`)
    expect(printed).toBe('boom\nnext\n')
  })
})
