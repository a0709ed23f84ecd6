// The lease of the leader over a real server.
import { expect, test } from 'vitest'
import { describeWithNats, natsServer } from '../../fleet/natsServer.ts'
import { connected, linkTo } from './natsLink.ts'

describeWithNats('the lease over NATS', () => {
  test('one holds it, renews it under the same epoch, and hands it over at once under a higher one', async () => {
    const { url } = await natsServer()
    const [a, b] = [linkTo(url, 'a'), linkTo(url, 'b')]
    await connected(a, b)
    const first = await a.lease.take()
    expect(first).toMatchObject({ held: true })
    expect(await b.lease.take()).toEqual({ held: false, holder: 'a' })
    expect(await a.lease.take()).toEqual(first)
    const free = new Promise<void>((resolve) => b.lease.onFree(resolve))
    await a.lease.release()
    await free
    const second = await b.lease.take()
    if (!first.held || !second.held) throw new Error('not held')
    expect(second.epoch).toBeGreaterThan(first.epoch)
    expect(await a.lease.take()).toEqual({ held: false, holder: 'b' })
  })
})
