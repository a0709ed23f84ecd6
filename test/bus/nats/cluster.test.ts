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
    const [a, b] = ['a', 'b'].map((node) => linkTo(urls, node, { replicas: 3, lease: 12_000 }))
    if (a === undefined || b === undefined) throw new Error('no links')
    const journal = journalOf(urls, 'a', { onProblem: () => undefined }, { replicas: 3 })
    await journal.open(header)
    a.directives.put('search', directive('search', { epoch: 1 }))
    await until(() => b.directives.entries.has('search'), 'the cluster', 30_000)
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
    await until(() => b.directives.entries.get('search')?.value.epoch === 20, 'the last entry', 20_000)
    expect(await taken(a)).toBe(held)
    await until(() => journal.problem === undefined, 'the journal', 20_000)
    await journal.flush()
    await journal.close()
    expect(numbersOf(await read(client))).toEqual(range(1, 20))
  }, 60_000)
})

async function taken(link: ReturnType<typeof linkTo>): Promise<number> {
  for (;;) {
    const answer = await link.lease.take().catch(() => undefined)
    if (answer?.held) return answer.epoch
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
