// The process of one of the demo's services; its settings are its one argument, as JSON. It ends with the process that started it.
import { systemClock } from '../../model/clock.ts'
import { pause } from '../demo/pause.ts'
import type { Order, ServiceSettings } from './demoFleet.ts'
import { startService } from './demoService.ts'

const TELL_EVERY = 200

const service = await startService(JSON.parse(process.argv[2] ?? '') as ServiceSettings, systemClock)
let ending = false
const end = (): void => {
  ending = true
}
process.on('message', (order: Order) => service.obey(order))
process.on('disconnect', end)
process.on('SIGTERM', end)
// Ctrl-C reaches every process of a terminal; who started this one ends it in its turn.
process.on('SIGINT', () => undefined)
while (!ending) {
  process.send?.(service.word())
  await pause(systemClock, TELL_EVERY)
}
await service.close()
if (process.connected) process.disconnect()
