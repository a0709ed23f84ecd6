// Alerts as log lines: by loggers of users', and as JSON on the standard error of a real process.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished, test, vi } from 'vitest'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import { ConfigError } from '../../src/model/errors.ts'
import type { AlertLevel, AlertRecord } from '../../src/model/records.ts'
import { createSwitchgear, type SwitchgearOptions } from '../../src/switchgear.ts'
import { isLogger, type Logger, logAlert } from '../../src/telemetry/alertLog.ts'

const run = promisify(execFile)
const by = { by: 'ada', why: 'a drill' }

async function board(log: SwitchgearOptions<{ search: object }>['log'], bus = new MemoryBus()) {
  const gear = await createSwitchgear({ services: { search: { trip: { consecutiveFailures: 2 } } }, log, bus })
  onTestFinished(() => gear.close())
  const fail = async (): Promise<void> => {
    for (let i = 0; i < 4; i++)
      await gear.execute('search', () => Promise.reject(new Error('secret words'))).catch(() => undefined)
  }
  return { gear, bus, fail }
}

/** Keeps what it is given, a line each. */
function keeping(): { readonly lines: [method: string, fields: object, message: string][]; readonly logger: Required<Logger> } {
  const lines: [string, object, string][] = []
  const method =
    (name: string) =>
    (fields: object, message: string): void => {
      lines.push([name, fields, message])
    }
  return { lines, logger: { info: method('info'), warn: method('warn'), error: method('error'), fatal: method('fatal') } }
}

describe('a logger', () => {
  it('is told each alert once, with its fields, and nothing of what failed', async () => {
    const { lines, logger } = keeping()
    const { gear, fail } = await board(logger)
    await fail()
    expect(lines).toEqual([
      ['error', { at: expect.any(Number), service: 'search', code: 'opened' }, expect.stringContaining('search')],
    ])
    gear.command('search', { name: 'reset', ...by })
    await fail()
    expect(lines).toHaveLength(2)
    expect(JSON.stringify(lines)).not.toContain('secret words')
  })

  it.each<[AlertLevel, string, string]>([
    ['info', 'info', 'info'],
    ['warning', 'warn', 'warn'],
    ['error', 'error', 'error'],
    ['critical', 'fatal', 'error'],
  ])('is told what is %s as %s, or as %s where it knows no fatal', (level, method, withoutFatal) => {
    const alert: AlertRecord = {
      type: 'alert',
      at: 7,
      service: 'search',
      level,
      code: 'c',
      message: 'm',
      by: 'fleet',
      root: 'database',
    }
    const { lines, logger } = keeping()
    logAlert(logger, alert)
    const { fatal: _, ...simple } = logger
    logAlert(simple, alert)
    const fields = { at: 7, service: 'search', code: 'c', by: 'fleet', root: 'database' }
    expect(lines).toEqual([
      [method, fields, 'm'],
      [withoutFatal, fields, 'm'],
    ])
  })

  it('costs calls nothing: nobody asks for their outcomes', async () => {
    const { bus, gear } = await board(keeping().logger)
    expect([bus.wants('outcome'), bus.wants('alert')]).toEqual([false, true])
    await gear.close()
    expect(bus.wants('alert')).toBe(false)
  })

  it('that throws harms nothing, and is warned of once', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    onTestFinished(() => warned.mockRestore())
    const poor = (): void => {
      throw new Error('a full disk')
    }
    const { gear, fail } = await board({ info: poor, warn: poor, error: poor })
    await fail()
    expect(gear.state('search')).toBe('open')
    gear.command('search', { name: 'reset', ...by })
    await fail()
    expect(warned.mock.calls.map(([text]) => String(text))).toEqual([expect.stringContaining('a full disk')])
  })

  it('may be pino or the console, and is refused where it is neither', async () => {
    expect([pino({ enabled: false }), console, keeping().logger].map(isLogger)).toEqual([true, true, true])
    expect([{ info() {}, warn() {} }, 'stderr', null, undefined, true].map(isLogger)).toEqual([false, false, false, false, false])
    const refused = board({ info() {} } as unknown as Logger)
    await expect(refused).rejects.toThrow(ConfigError)
    await expect(refused).rejects.toMatchObject({ path: 'log', allowed: expect.stringContaining('a logger with the methods') })
  })
})

test('log: true writes lines of JSON on standard error, and none where it is not asked for', async () => {
  const program = (log: boolean): string => `
    import { createSwitchgear } from '${new URL('../../dist/index.js', import.meta.url)}'
    const gear = await createSwitchgear({ services: { search: { trip: { consecutiveFailures: 2 } } }, log: ${log} })
    for (let i = 0; i < 4; i++) await gear.execute('search', () => Promise.reject(new Error('x'))).catch(() => undefined)
    console.log(gear.state('search'))
    process.kill(process.pid, 'SIGKILL')`
  const said = async (log: boolean): Promise<{ stdout: string; stderr: string }> =>
    run(process.execPath, ['--input-type=module', '--eval', program(log)]).catch((error) => error)
  const { stdout, stderr } = await said(true)
  expect(stdout).toBe('open\n')
  // What is written is written, though the process was killed in the next moment.
  const lines = stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as object)
  expect(lines).toEqual([
    expect.objectContaining({
      level: 50,
      name: 'switchgear',
      service: 'search',
      code: 'opened',
      msg: expect.stringContaining('search'),
    }),
  ])
  expect((await said(false)).stderr).toBe('')
})
