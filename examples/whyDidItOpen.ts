// Reads a journal for its transitions and tells, of each opening, the numbers it was decided on.
// Run it with Node 24, which takes TypeScript as it is: node examples/whyDidItOpen.ts search.jsonl
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { JournalRecord } from 'switchgear'

const file = process.argv[2]
if (file === undefined) throw new Error('which journal?')

for await (const line of createInterface({ input: createReadStream(file) })) {
  const record = JSON.parse(line) as JournalRecord
  if (record.type !== 'transition' || record.to !== 'open.cooling') continue
  const wait = record.until === undefined ? '' : `, probing in ${((record.until - record.at) / 1000).toFixed(1)} s`
  console.log(new Date(record.at).toISOString(), record.service, `opened: ${record.reason}${wait}`, record.stats)
}
