// What this software calls itself in journals and on the command line.
import { readFileSync } from 'node:fs'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

export { version }
export const software = `switchgear ${version}`
