// Switchgear as a contender: the defaults of a service of kind `http`, on a virtual clock, calls admitted and settled by hand.
import { CallRejectedError, createSwitchgear, type PolicyInput } from 'switchgear'
import { VirtualClock } from 'switchgear/testing'
import type { Contender } from './contender.ts'
import { EPOCH } from './world.ts'

export function switchgear(policy: PolicyInput = {}, form = 'defaults of kind http'): Contender {
  return {
    library: 'switchgear',
    form,
    asynchronous: false,
    async create(world, onTrip, seed) {
      const clock = new VirtualClock(EPOCH)
      const gear = await createSwitchgear({ services: { upstream: { kind: 'http', ...policy } }, clock, seed })
      const { upstream } = gear.services
      const settle = (end: () => void): void => {
        clock.runTo(EPOCH + world.now)
        const before = upstream.state
        end()
        if (upstream.state === 'open' && before !== 'open' && before !== 'halfOpen') onTrip()
      }
      return (call) => {
        clock.runTo(EPOCH + world.now)
        try {
          const permit = upstream.admit()
          call.start((error) => settle(() => (error === undefined ? permit.succeed() : permit.fail(error))))
        } catch (error) {
          if (!(error instanceof CallRejectedError)) throw error
        }
      }
    },
  }
}
