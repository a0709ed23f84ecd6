// Which server is dialled: the first one that says that it is one.
import { createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { firstToAnswer } from '../../../src/bus/nats/firstToAnswer.ts'
import { VirtualClock } from '../../../src/model/virtualClock.ts'
import { freePort } from '../../fleet/natsServer.ts'

const never = new AbortController().signal
/** Of those that answer none is too late. */
const standing = new VirtualClock()

test('goes in front, and the others stay behind it', async () => {
  const dead = `127.0.0.1:${await freePort()}`
  const good = await serverThat((socket) => socket.write('INFO {}\r\n'))
  const other = 'nats://127.0.0.1:1'
  for (const address of [good, `nats://${good}`, `tls://${good}`]) {
    expect(await firstToAnswer([dead, address, other], standing, 1000, never)).toEqual([address, dead, other])
  }
})

test.each([
  ['is no NATS server', (socket: Socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['hung up', (socket: Socket) => void socket.end()],
])('where it %s that is told', async (reason, act) => {
  await expect(firstToAnswer([await serverThat(act)], standing, 1000, never)).rejects.toThrow(reason)
})

test('one that says nothing is given up in time, and its connection ended', async () => {
  const clock = new VirtualClock()
  let ended: () => void = () => undefined
  const end = new Promise<void>((resolve) => {
    ended = resolve
  })
  let met: () => void = () => undefined
  const meeting = new Promise<void>((resolve) => {
    met = resolve
  })
  const silent = await serverThat((socket) => {
    met()
    socket.on('close', ended)
  })
  const answer = expect(firstToAnswer([silent], clock, 1000, never)).rejects.toThrow('does not answer')
  await meeting
  clock.advance(1000)
  await answer
  await end
})

test('nobody is asked any more once it is not wanted', async () => {
  const stop = new AbortController()
  const silent = await serverThat(() => stop.abort())
  let asked = 0
  const other = await serverThat(() => asked++)
  await expect(firstToAnswer([silent, other], standing, 1000, stop.signal)).rejects.toThrow('not wanted')
  await expect(firstToAnswer([other], standing, 1000, stop.signal)).rejects.toThrow('not wanted')
  expect(asked).toBe(0)
})

test('an address that is none is told', async () => {
  await expect(firstToAnswer(['[::1'], standing, 1000, never)).rejects.toThrow()
})

/** Its address. */
async function serverThat(act: (socket: Socket) => unknown): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.resume()
    act(socket)
  })
  onTestFinished(() => void server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}
