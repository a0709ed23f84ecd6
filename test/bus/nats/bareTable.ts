// The table of directives on a client of the test's own, without the link around it: what comes between its questions is up to the test.
import type { NatsConnection } from '@nats-io/transport-node'
import { onTestFinished } from 'vitest'
import { NatsTable, type NatsTableOptions } from '../../../src/bus/nats/natsTable.ts'
import { StreamFit } from '../../../src/bus/nats/streamFit.ts'

type Given = Pick<NatsTableOptions<'directives'>, 'clock' | 'whileUp'> & Partial<NatsTableOptions<'directives'>>

/** Closed with the test. */
export function bareTable(client: NatsConnection, given: Given): NatsTable<'directives'> {
  const table = new NatsTable({
    fleet: 'test',
    table: 'directives',
    ttl: 60_000,
    maxKeys: 100,
    entryBytes: 2048,
    replicas: 1,
    client: () => client,
    fit: new StreamFit({ mends: false, tell: () => undefined }),
    trouble: () => undefined,
    ...given,
  })
  onTestFinished(() => table.close())
  return table
}
