#!/usr/bin/env node
// The command line `switchgear`: one file a command, and here what all of them share. Exit codes: 0 done, 1 the answer is no,
// 2 it could not be done as asked.
import { Command, CommanderError } from 'commander'
import { version } from '../software.ts'
import { CommandFailure, inOneLine } from './commandFailure.ts'
import { addDemoCommand } from './demoCommand.ts'
import { addDiagramsCommand } from './diagramsCommand.ts'
import { addReplayCommand } from './replayCommand.ts'

const UNUSABLE = 2
/** As a shell reports a process that a closed pipe ended. */
const NOBODY_READS = 141

const program = new Command('switchgear')
  .description('Coordinated circuit breakers: see them at work, replay what they did, draw their statecharts.')
  .exitOverride()
  .showSuggestionAfterError()
  .configureOutput({ outputError: (text, write) => write(`switchgear: ${usageError(text)}\n`) })
  .helpCommand('help [command]', 'explain a command')
addDemoCommand(program)
addReplayCommand(program)
addDiagramsCommand(program)
for (const command of [program, ...program.commands]) {
  command.version(version, '-V, --version', 'print the version').helpOption('-h, --help', 'explain this command')
}

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(NOBODY_READS)
    throw error
  })
}

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeOf(error)
}

function exitCodeOf(error: unknown): number {
  // Commander has said what there is to say.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : UNUSABLE
  const stack = error instanceof Error && wantsStacks() ? `\n${error.stack}` : ''
  process.stderr.write(`switchgear: ${inOneLine(error)}${stack}\n`)
  return error instanceof CommandFailure ? error.exitCode : 1
}

/** Like the `debug` convention: DEBUG is a list of names. */
function wantsStacks(): boolean {
  return (process.env.DEBUG ?? '').split(/[\s,]+/).includes('switchgear')
}

/** Commander puts the suggestion on a line of its own. */
function usageError(text: string): string {
  return text
    .trim()
    .replace(/^error: /, '')
    .replace(/\s*\n\(Did you mean (.*)\?\)$/, '; did you mean $1?')
    .replace(/\s*\n\s*/g, ' ')
}
