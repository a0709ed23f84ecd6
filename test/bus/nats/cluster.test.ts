// A cluster of three servers that loses the one which leads: what is stored three times is all there, and goes on.
import { jetstream } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { expect, onTestFinished, test } from 'vitest'
import { describeWithNats, natsCluster } from '../../fleet/natsServer.ts'
import { header, numbered, numbersOf, range } from '../journalRecords.ts'
import { journalOf, read } from './journals.ts'
import { directive, linkTo, until } from './natsLink.ts'

describeWithNats('a cluster that loses a leader', () => {
  test('loses no entry, no record and no epoch', async () => {
    const servers = await natsCluster()
    const urls = servers.map(({ url }) => url)
    const [a, b] = ['a', 'b'].map((node) => linkTo(urls, node, { replicas: 3, lease: 600_000 }))
    if (a === undefined || b === undefined) throw new Error('no links')
    const journal = journalOf(urls, 'a', { onProblem: () => undefined }, { replicas: 3 })
    await journal.open(header)
    a.directives.put('search', directive('search', { epoch: 1 }))
    await until(() => b.directives.entries.has('search'), 'the cluster', 60_000)
    const held = await taken(a)
    journal.append(numbered(1))
    await journal.flush().catch(() => journal.flush())
    const client = await connect({ servers: urls, maxReconnectAttempts: -1 })
    onTestFinished(() => client.close())
    const { cluster } = await (await jetstream(client).jetstreamManager()).streams.info('KV_sg_test_directives')
    await servers[Number(cluster?.leader?.slice(1)) - 1]?.kill()
    for (let epoch = 2; epoch <= 20; epoch++) {
      a.directives.put('search', directive('search', { epoch }))
      journal.append(numbered(epoch))
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await until(() => b.directives.entries.get('search')?.value.epoch === 20, 'the last entry', 60_000)
    expect(await taken(a)).toBe(held)
    await until(() => journal.problem === undefined, 'the journal', 60_000)
    await journal.flush()
    await journal.close()
    expect(numbersOf(await read(client))).toEqual(range(1, 20))
  }, 240_000)
})

describeWithNats('a cluster that keeps one copy of everything', () => {
  test('keeps three once a process that may lead wants them, and loses nothing by it', async () => {
    const urls = (await natsCluster()).map(({ url }) => url)
    const one = linkTo(urls, 'one', { lease: 3000 })
    one.directives.put('search', directive('search', { epoch: 1 }))
    await until(() => one.directives.entries.has('search'), 'the tables', 60_000)
    const journal = journalOf(urls, 'a', { onProblem: () => undefined })
    await journal.open(header)
    journal.append(numbered(1))
    await journal.flush().catch(() => journal.flush())
    const many = linkTo(urls, 'many', { replicas: 3, lease: 12_000 })
    await until(() => many.directives.entries.has('search'), 'the tables with three copies', 60_000)
    await taken(many)
    const again = journalOf(urls, 'b', { onProblem: () => undefined }, { replicas: 3 })
    await again.open(header)
    journal.append(numbered(2))
    for (const one of [journal, again]) {
      await one.flush().catch(() => one.flush())
      await one.close()
    }
    const client = await connect({ servers: urls })
    onTestFinished(() => client.close())
    const { streams } = await jetstream(client).jetstreamManager()
    for (const name of [...['directives', 'nodes', 'ledger', 'lease'].map((table) => `KV_sg_test_${table}`), 'sg_test_journal']) {
      expect([name, (await streams.info(name)).config.num_replicas]).toEqual([name, 3])
    }
    expect((await streams.info('KV_sg_test_lease')).config.max_age).toBe(12_000 * 1e6)
    expect(numbersOf(await read(client))).toEqual([1, 2])
  }, 240_000)
})

async function taken(link: ReturnType<typeof linkTo>): Promise<number> {
  for (;;) {
    const answer = await link.lease.take().catch(() => undefined)
    if (answer?.held) return answer.epoch
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
