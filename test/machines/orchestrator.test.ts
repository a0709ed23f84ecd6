// The root machine where it is told of breakers that have left the board, and what its regions show.
import { expect, it } from 'vitest'
import { createActor } from 'xstate'
import { orchestratorMachine } from '../../src/machines/orchestratorMachine.ts'
import { parseConfig } from '../../src/model/config.ts'
import type { Effect } from '../../src/model/orchestrator/context.ts'
import { resolvePolicy } from '../../src/model/policy.ts'

const policy = resolvePolicy('http')

it('passes over what it hears of breakers that are not on the board, and minds those that are', () => {
  const root = createActor(orchestratorMachine, { input: { at: 0 } }).start()
  root.send({ type: 'breaker.added', at: 0, service: 'search', policy, seed: 1 })
  root.send({ type: 'breaker.removed', at: 1, service: 'gone' })
  root.send({ type: 'breaker.moved', at: 1, service: 'gone', from: 'open.cooling', to: 'open.awaitingPermit' })
  expect(root.getSnapshot()).toMatchObject({
    status: 'active',
    value: { supervising: { system: 'healthy', recovery: 'idle' } },
  })
  expect(Object.keys(root.getSnapshot().children)).toEqual(['*correlator', 'search'])
  root.send({ type: 'breaker.removed', at: 2, service: 'search' })
  expect(Object.keys(root.getSnapshot().children)).toEqual(['*correlator'])
  root.send({ type: 'board.stopped', at: 3 })
  expect(root.getSnapshot().status).toBe('done')
})

it('shows how the system is and whether it recovers, and says what it wants', () => {
  const { orchestrator } = parseConfig({ services: { a: {}, b: {}, c: { dependsOn: ['a'] } } })
  const root = createActor(orchestratorMachine, { input: { config: orchestrator, at: 0 } })
  const wanted: Effect[] = []
  root.on('*', (effect) => wanted.push(effect))
  root.start()
  for (const service of ['a', 'b', 'c']) root.send({ type: 'breaker.added', at: 0, service, policy, seed: 1 })
  root.send({ type: 'breaker.moved', at: 1, service: 'a', from: 'closed.watching', to: 'open.cooling' })
  expect(root.getSnapshot().value).toEqual({ supervising: { system: 'degraded', recovery: 'idle' } })
  expect(wanted.filter(({ type }) => type === 'directive')).toMatchObject([{ service: 'c', directive: { level: 1, epoch: 1 } }])
  root.send({ type: 'breaker.moved', at: 2, service: 'b', from: 'closed.watching', to: 'open.cooling' })
  expect(root.getSnapshot().value).toEqual({ supervising: { system: 'critical', recovery: 'idle' } })
  root.send({ type: 'breaker.moved', at: 3, service: 'a', from: 'open.cooling', to: 'open.awaitingPermit' })
  expect(root.getSnapshot().value).toEqual({ supervising: { system: 'critical', recovery: 'recovering' } })
  expect(wanted.filter(({ type }) => type === 'permit')).toEqual([{ type: 'permit', at: 3, service: 'a' }])
  root.send({ type: 'breaker.moved', at: 4, service: 'a', from: 'halfOpen', to: 'closed.watching' })
  root.send({ type: 'breaker.moved', at: 4, service: 'b', from: 'open.cooling', to: 'closed.watching' })
  expect(root.getSnapshot().value).toEqual({ supervising: { system: 'healthy', recovery: 'idle' } })
})
