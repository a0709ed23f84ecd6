// Messages between links over a real server, when all goes well and when the server or the line does not.
import { expect, test } from 'vitest'
import type { WireMessage } from '../../../src/model/fleet/wire.ts'
import { describeWithNats, natsServer } from '../../fleet/natsServer.ts'
import { proxy } from '../../fleet/proxy.ts'
import { connected, linkTo, outcome, ready, statusesOf, until } from './natsLink.ts'

describeWithNats('messages over NATS', () => {
  test('what one node publishes, every node hears, itself included', async () => {
    const { url } = await natsServer()
    const [a, b] = [linkTo(url, 'a'), linkTo(url, 'b')]
    const heard: WireMessage[] = []
    for (const link of [a, b]) link.subscribe('outcome', (message) => heard.push(message))
    await connected(a, b)
    a.publish(outcome('a', { status: 503 }))
    await until(() => heard.length === 2, 'two outcomes')
    expect(heard[0]).toEqual(heard[1])
    expect(heard[0]).toMatchObject({ type: 'outcome', node: 'a', service: 'search', status: 503, seq: 1 })
    await until(() => a.counters.published === 1, 'the confirmation')
  })

  test('who is connected hears all that is sent from then on, were it in the same moment', async () => {
    const { url } = await natsServer()
    const a = linkTo(url, 'a')
    await connected(a)
    for (let round = 0; round < 30; round++) {
      const b = linkTo(url, 'b')
      const heard: WireMessage[] = []
      b.subscribe('outcome', (message) => heard.push(message))
      const sent = new Promise<void>((resolve, reject) => {
        b.onStatus(({ type }) => type === 'connected' && a.send(outcome('a')).then(resolve, reject))
      })
      await sent
      await until(() => heard.length === 1, `the outcome of round ${round}`)
      await b.close()
    }
  })

  test('what nobody listens to any more does not come, and is not missed when somebody does again', async () => {
    const { url } = await natsServer()
    const [a, b] = [linkTo(url, 'a'), linkTo(url, 'b')]
    const heard: string[] = []
    const listen = (): (() => void) => b.subscribe('outcome', ({ service }) => heard.push(service))
    b.subscribe('alert', () => heard.push('an alert'))
    const stops = [listen(), listen()]
    await connected(a, b)
    const inTurn = async (service: string): Promise<void> => {
      await b.send({ v: 1, type: 'alert', at: Date.now(), node: 'b', service, level: 'info', code: 'c', message: 'm' })
      a.publish(outcome('a', { service }))
      await until(() => a.counters.published === published + 1, 'the confirmation')
      published++
    }
    let published = 0
    await inTurn('both')
    await until(() => heard.length === 3, 'both')
    stops[0]?.()
    await inTurn('one')
    await until(() => heard.length === 5, 'one')
    stops[1]?.()
    await inTurn('none')
    await inTurn('none')
    listen()
    await inTurn('again')
    await until(() => heard.includes('again'), 'the last')
    const alert = 'an alert'
    expect(heard).toEqual([alert, 'both', 'both', alert, 'one', alert, alert, alert, 'again'])
    expect(b.counters).toMatchObject({ received: 5 + 3, missed: 0 })
  })

  test('who listens to one type hears no other, and who has stopped hears nothing', async () => {
    const { url } = await natsServer()
    const link = linkTo(url, 'a')
    const [outcomes, all, stopped]: string[][] = [[], [], []]
    link.subscribe('outcome', ({ type }) => outcomes?.push(type))
    await connected(link)
    link.subscribe('*', ({ type }) => all?.push(type))
    link.subscribe('*', ({ type }) => stopped?.push(type))()
    link.publish({ v: 1, type: 'alert', at: Date.now(), node: 'a', service: 'search', level: 'info', code: 'c', message: 'm' })
    link.publish(outcome('a'))
    await until(() => all?.length === 2, 'both')
    expect([outcomes, stopped]).toEqual([['outcome'], []])
    expect(link.counters).toMatchObject({ received: 2, missed: 0, rejected: 0 })
  })

  test('who hears outcomes together hears what others hear one by one, until it stops', async () => {
    const { url } = await natsServer()
    const link = linkTo(url, 'a')
    const together: (number | undefined)[][] = []
    const oneByOne: (number | undefined)[] = []
    await connected(link)
    const stop = link.hearOutcomes((outcomes) => together.push(outcomes.map(({ status }) => status)))
    // Nobody else has subscribed to outcomes yet.
    for (const status of [500, 501, 502]) link.publish(outcome('a', { status }))
    await until(() => together.flat().length === 3, 'three of them')
    expect(together).toEqual([[500, 501, 502]])
    link.subscribe('*', (message) => message.type === 'outcome' && oneByOne.push(message.status))
    link.publish(outcome('a', { status: 503 }))
    await until(() => oneByOne.length === 1, 'one more')
    stop()
    for (const status of [504, 505]) link.publish(outcome('a', { status }))
    await until(() => oneByOne.length === 3, 'the others')
    expect(oneByOne).toEqual([503, 504, 505])
    expect(together).toEqual([[500, 501, 502], [503]])
  })

  test('a listener that throws keeps the others from nothing', async () => {
    const { url } = await natsServer()
    const link = linkTo(url, 'a')
    const warnings: string[] = []
    const note = (warning: Error): unknown => warnings.push(warning.message)
    process.on('warning', note)
    let heard = 0
    link.subscribe('outcome', () => {
      throw new Error('of the listener')
    })
    link.subscribe('outcome', () => heard++)
    await connected(link)
    for (let i = 0; i < 3; i++) link.publish(outcome('a'))
    await until(() => heard === 3, 'three outcomes')
    await until(() => warnings.length > 0, 'a warning')
    process.off('warning', note)
    expect(warnings).toEqual([expect.stringContaining('of the listener')])
  })

  test('what was published before the server was there is heard once it is', async () => {
    const server = await natsServer({ started: false })
    const [a, b] = [linkTo(server.url, 'a'), linkTo(server.url, 'b')]
    const statuses = statusesOf(a)
    const heard: number[] = []
    b.subscribe('*', ({ seq }) => heard.push(seq ?? 0))
    await until(() => statuses.length > 0, 'a word about it')
    expect(statuses).toEqual([{ type: 'trouble', code: 'unreachable', message: expect.stringMatching(/refused/i) }])
    await server.start()
    await connected(b)
    for (let i = 0; i < 500; i++) a.publish(outcome('a'))
    await until(() => heard.length === 500, '500 outcomes')
    expect(heard).toEqual(Array.from({ length: 500 }, (_, i) => i + 1))
  })

  test('a server killed again and again costs messages that are counted, and none comes twice', async () => {
    const server = await natsServer()
    const [a, b] = [linkTo(server.url, 'a'), linkTo(server.url, 'b')]
    const heard: number[] = []
    b.subscribe('outcome', ({ seq }) => heard.push(seq ?? 0))
    await connected(a, b)
    let published = 0
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 50; i++) {
        for (let k = 0; k < 10; k++) a.publish(outcome('a'))
        published += 10
        await new Promise((resolve) => setTimeout(resolve, 1))
        if (i === 25) await server.kill()
      }
      await server.start()
      await connected(a, b)
    }
    a.publish(outcome('a'))
    published++
    await until(() => heard.includes(published), 'the last one')
    expect(new Set(heard).size).toBe(heard.length)
    expect(b.counters.received).toBe(heard.length)
    expect(b.counters.received + b.counters.missed).toBe(published)
    expect(a.counters).toMatchObject({ published, dropped: 0 })
  })

  test('what is published while the line is dead is heard when it is not', async () => {
    const server = await natsServer()
    const line = await proxy(server.port)
    const [a, b] = [linkTo(`127.0.0.1:${line.port}`, 'a'), linkTo(server.url, 'b')]
    const heard: number[] = []
    b.subscribe('outcome', ({ seq }) => heard.push(seq ?? 0))
    await connected(a, b)
    line.partition()
    for (let i = 0; i < 100; i++) a.publish(outcome('a'))
    await new Promise((resolve) => setTimeout(resolve, 50))
    for (let i = 0; i < 100; i++) a.publish(outcome('a'))
    expect(heard).toEqual([])
    line.heal()
    await until(() => heard.length === 200, 'all of them')
    expect(heard).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
    expect(b.counters.missed).toBe(0)
  })

  test('a full buffer drops summaries first and counts what it drops, and the numbers show it to others', async () => {
    const server = await natsServer({ started: false })
    const link = linkTo(server.url, 'a', { limits: { outboxMessages: 100 } })
    const results: string[] = []
    link.subscribe('outcome', (message) => results.push(message.type === 'outcome' ? message.result : ''))
    for (let i = 0; i < 50; i++) link.publish(outcome('a', { result: 'success', count: 10 }))
    for (let i = 0; i < 90; i++) link.publish(outcome('a'))
    const { dropped } = link.counters
    expect(dropped).toBeGreaterThanOrEqual(40)
    await server.start()
    await until(() => results.length === 140 - dropped, 'the rest')
    expect(results.filter((result) => result === 'failure').length).toBe(90)
    link.publish(outcome('a'))
    await until(() => results.length === 141 - dropped, 'one more')
    expect(link.counters.dropped).toBe(dropped)
  })

  test('a message that cannot be JSON holds up no other, and no end', async () => {
    const { url } = await natsServer()
    const [a, b] = [linkTo(url, 'a'), linkTo(url, 'b')]
    const heard: WireMessage[] = []
    b.subscribe('outcome', (message) => heard.push(message))
    await ready(a, b)
    a.publish({ ...outcome('a'), latency: 1n } as unknown as WireMessage)
    a.publish(outcome('a'))
    await until(() => heard.length === 1, 'the other')
    expect(a.counters.dropped).toBe(1)
  })

  test('a message that no server takes is dropped and told', async () => {
    const { url } = await natsServer({ config: 'max_payload: 8KB' })
    const link = linkTo(url, 'a')
    const statuses = statusesOf(link)
    let heard = 0
    link.subscribe('outcome', () => heard++)
    await connected(link)
    link.publish(outcome('a', { model: 'x'.repeat(9000) }))
    link.publish({ ...outcome('a'), service: 'no.name' })
    link.publish(outcome('a'))
    await until(() => heard === 1 && link.counters.dropped === 2, 'the small one')
    const codes = statuses.map((status) => ('code' in status ? status.code : status.type))
    expect(codes).toEqual(['connected', 'unsendable', 'too_big'])
  })
})
