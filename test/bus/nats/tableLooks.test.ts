// How a table looks at its bucket when something comes in between: a change, a lost connection, a new one, the end. Time stands still
// here unless it is said to pass, so that nothing is found by the next look that should have been found by this one.
import { jetstream } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { expect, onTestFinished, test } from 'vitest'
import { tableWildcard } from '../../../src/model/fleet/subjects.ts'
import { VirtualClock } from '../../../src/model/virtualClock.ts'
import { describeWithNats, natsServer } from '../../fleet/natsServer.ts'
import { bareTable } from './bareTable.ts'
import { directive, linkTo, ready, statusesOf, until } from './natsLink.ts'
import { pushedClock } from './pushedClock.ts'

const LOST = new Error('the connection to the server was lost')

describeWithNats('the looks of a table', () => {
  test('a change that comes before the first answer, and is later than it, is found at once', async () => {
    const { table, client } = await tableWith(async ({ asked, told }) => {
      if (asked === 2) await told('late')
    })
    table.connected(client, true)
    await until(() => table.entries.has('late'), 'the change')
    expect(table.behind).toBe(false)
  })

  test('while it is behind it looks again after a second, and not after five', async () => {
    const { table, client, clock } = await tableWith(async ({ asked }) => {
      if (asked === 2) throw LOST
    })
    table.connected(client, true)
    await until(() => clock.pending > 0, 'the next look')
    expect(table.behind).toBe(true)
    clock.advance(1000)
    await until(() => !table.behind, 'a look')
  })

  test('when the connection comes back before the look at the old one has failed, it looks at once', async () => {
    const { table, client, clock } = await tableWith(async ({ asked }) => {
      if (asked !== 2) return
      table.connected(client, false)
      throw LOST
    })
    table.connected(client, true)
    await until(() => {
      clock.advance(0)
      return !table.behind
    }, 'a look')
  })

  test('a bucket that was made anew is known by the first change that is told of, and is read at once', async () => {
    const { table, client } = await tableWith(async () => undefined)
    table.connected(client, true)
    const heard: unknown[] = []
    for (const key of ['kept', 'lost']) {
      table.put(key, directive(key))
      await until(() => table.entries.has(key), 'the entries')
    }
    table.listen((key, entry) => heard.push([key, entry?.value.level]))
    await (await jetstream(client).jetstreamManager()).streams.delete('KV_sg_test_directives')
    const republish = { src: '$KV.sg_test_directives.>', dest: tableWildcard('test', 'directives') }
    const kv = await new Kvm(client).create('sg_test_directives', { republish })
    await kv.put('kept', JSON.stringify(directive('kept', { level: 3 })))
    await until(() => !table.entries.has('lost'), 'the end of what is lost')
    expect(heard.slice(2)).toEqual([
      ['kept', 3],
      ['lost', undefined],
    ])
    table.put('kept', directive('kept', { level: 1 }))
    await until(() => table.entries.get('kept')?.value.level === 1, 'a put')
  })

  test('the end of the link is no trouble of its tables', async () => {
    const { url } = await natsServer()
    const clock = pushedClock()
    const link = linkTo(url, 'a', {}, { clock })
    const statuses = statusesOf(link)
    await ready(link)
    clock.push(5000)
    await link.close()
    expect(statuses.map(({ type }) => type)).toEqual(['connected', 'disconnected'])
  })
})

interface Between {
  /** How many requests have been made. */
  readonly asked: number
  /** Stores a directive for a service, and comes back when the table has been told of it. */
  told(service: string): Promise<void>
}

/** One of its own, on whose requests something happens between the server's answer and its arrival. */
async function tableWith(between: (between: Between) => Promise<void>) {
  const { url } = await natsServer()
  const [client, other] = [await clientOf(url), await clientOf(url)]
  const clock = new VirtualClock()
  let asked = 0
  const told = async (service: string): Promise<void> => {
    const kv = await new Kvm(other).open('sg_test_directives')
    const message = new Promise((resolve) =>
      client.subscribe(`${tableWildcard('test', 'directives').slice(0, -1)}${service}`, { callback: resolve }),
    )
    await client.flush()
    await kv.put(service, JSON.stringify(directive(service)))
    await message
  }
  const table = bareTable(client, {
    clock,
    whileUp: async (request) => {
      const number = ++asked
      const answer = await request
      await between({ asked: number, told })
      return answer
    },
  })
  return { table, client, clock }
}

async function clientOf(url: string): Promise<NatsConnection> {
  const client = await connect({ servers: url })
  onTestFinished(() => client.close())
  return client
}
