// The root machine where it is told of breakers that have left the board.
import { expect, it } from 'vitest'
import { createActor } from 'xstate'
import { orchestratorMachine } from '../../src/machines/orchestratorMachine.ts'
import { resolvePolicy } from '../../src/model/policy.ts'

it('passes over what it hears of breakers that are not on the board, and minds those that are', () => {
  const root = createActor(orchestratorMachine).start()
  const policy = resolvePolicy('http')
  root.send({ type: 'breaker.added', at: 0, service: 'search', policy, seed: 1 })
  root.send({ type: 'breaker.removed', at: 1, service: 'gone' })
  root.send({ type: 'breaker.moved', at: 1, service: 'gone', to: 'open.awaitingPermit' })
  expect(root.getSnapshot()).toMatchObject({ status: 'active', value: 'supervising' })
  expect(Object.keys(root.getSnapshot().children)).toEqual(['search'])
  root.send({ type: 'breaker.removed', at: 2, service: 'search' })
  expect(Object.keys(root.getSnapshot().children)).toEqual([])
  root.send({ type: 'board.stopped', at: 3 })
  expect(root.getSnapshot().status).toBe('done')
})
