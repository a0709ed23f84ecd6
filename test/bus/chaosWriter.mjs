// A process that appends numbered records as fast as it can and says which of them are written, until it is killed; after some
// thousands it only waits for that. It ends by itself when the test that started it is gone. Arguments: file, first number.
import { FileJournal } from '../../dist/bus/fileJournal.js'

const [file, first] = process.argv.slice(2)
let number = Number(first)
const enough = number + 2400
process.stdin.resume().on('end', () => process.exit())
const journal = new FileJournal({ file, maxBytes: 30_000, keep: 1000, flushMs: 1 })
await journal.open((reason) => ({
  type: 'header',
  format: 'switchgear-journal',
  version: 1,
  behaviour: 1,
  reason,
  startedAt: 1,
  software: 'chaos',
  seed: number,
  services: {},
}))
while (number < enough) {
  for (let i = 0; i < 300; i++) {
    journal.append({ type: 'outcome', at: number, service: 'sé"arch', result: 'success', latency: 1.5, generation: number++ })
    if (i % 100 === 99) await new Promise(setImmediate)
  }
  await journal.flush()
  process.stdout.write(`${number - 1}\n`)
}
