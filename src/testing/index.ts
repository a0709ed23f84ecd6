// `switchgear/testing`: what users need to test their own code against breakers, in virtual time and with faults on demand.
export type { Clock } from '../model/clock.ts'
export { type Random, seededRandom } from '../model/random.ts'
export { Timer } from '../model/timerWheel.ts'
export { VirtualClock } from '../model/virtualClock.ts'
export {
  byChance,
  type Fault,
  type FaultChances,
  type FaultPlan,
  type Injected,
  InjectedFaultError,
  injectFaults,
  scripted,
} from './faultInjection.ts'
