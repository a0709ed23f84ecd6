#!/usr/bin/env node
// The command line `switchgear`: what is done about its streams, before its program runs.
import { runProgram } from './program.ts'

/** As a shell reports a process that a closed pipe ended. */
const NOBODY_READS = 141

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(NOBODY_READS)
    throw error
  })
}

await runProgram(process.argv)
