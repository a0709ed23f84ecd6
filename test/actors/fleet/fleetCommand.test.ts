// What an operator tells a node for the whole fleet: what is a command, and when it cannot be told.
import { expect, test } from 'vitest'
import { ConfigError } from '../../../src/model/errors.ts'
import { MemoryFleet } from '../../fleet/memoryFleet.ts'
import { node, overheard } from './nodeStories.ts'

const by = { by: 'ada', why: 'a drill' }

test('is said on the bus as any tool says it, once it has been checked, and under another id each time', async () => {
  const fleet = new MemoryFleet()
  const said = overheard(fleet)
  const { gear } = await node(fleet, 'one', { lead: true })
  await fleet.clock.advanceAsync(10_000)
  expect(gear.fleet?.leads).toBe(true)
  await gear.fleet?.command('search', { name: 'trip', ...by })
  await gear.fleet?.command({ name: 'recoverAll', ...by })
  await fleet.clock.advanceAsync(100)
  const commands = said.filter(({ type }) => type === 'command')
  expect(commands).toEqual([
    expect.objectContaining({ v: 1, node: 'one', service: 'search', command: { name: 'trip', ...by } }),
    expect.objectContaining({ v: 1, node: 'one', service: '*', command: { name: 'recoverAll', ...by } }),
  ])
  expect(new Set(commands.map(({ id }) => id)).size).toBe(2)
  expect(commands[0]?.at).toBe(Math.floor(commands[0]?.at ?? Number.NaN))
  for (const wrong of ['search/a', '*', '_all', 'a b', '']) {
    await expect(gear.fleet?.command(wrong, { name: 'trip', ...by })).rejects.toThrow(ConfigError)
  }
  await expect(gear.fleet?.command('search', { name: 'trip', by: '', why: 'x' })).rejects.toThrow(/command\.by/)
  await expect(gear.fleet?.command('search', undefined as never)).rejects.toThrow(ConfigError)
  await expect(gear.fleet?.command({ name: 'trip', ...by } as never)).rejects.toThrow(ConfigError)
})

test('is refused where nobody leads, where there is no connection, and once the board is closed', async () => {
  const fleet = new MemoryFleet()
  const { gear } = await node(fleet, 'one', { lead: true })
  const command = () => gear.fleet?.command('search', { name: 'trip', ...by })
  await fleet.clock.advanceAsync(0)
  await expect(command()).rejects.toMatchObject({ code: 'ERR_SWITCHGEAR_FLEET', problem: 'there is no connection to its server' })
  await fleet.clock.advanceAsync(10_000)
  await command()
  fleet.partition('one')
  await fleet.clock.advanceAsync(100)
  await expect(command()).rejects.toThrow('there is no connection')
  const closed = gear.close()
  await fleet.clock.advanceAsync(3000)
  await closed
  await expect(command()).rejects.toMatchObject({ code: 'ERR_SWITCHGEAR_CLOSED' })
  const other = new MemoryFleet()
  const alone = await node(other, 'two')
  alone.link.lease.take = async () => ({ held: false, holder: undefined })
  await other.clock.advanceAsync(1000)
  await expect(alone.gear.fleet?.command({ name: 'tripAll', ...by })).rejects.toMatchObject({
    name: 'FleetError',
    problem: expect.stringContaining('nobody leads'),
  })
})
