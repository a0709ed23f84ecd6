// All commands of `switchgear` as one program, and the exit code it ends with: 0 done, 1 the answer is no, 2 it could not be
// done as asked.
import { Command, CommanderError } from 'commander'
import { version } from '../software.ts'
import { addAsyncapiCommand } from './asyncapiCommand.ts'
import { CommandFailure, inOneLine } from './commandFailure.ts'
import { addDemoCommand } from './demoCommand.ts'
import { addDiagramsCommand } from './diagramsCommand.ts'
import { addFleetDemoCommand } from './fleetDemoCommand.ts'
import { addPublishCommand } from './publishCommand.ts'
import { addReplayCommand } from './replayCommand.ts'
import { addServeCommand } from './serveCommand.ts'
import { addStateCommand } from './stateCommand.ts'
import { addTailCommand } from './tailCommand.ts'

const UNUSABLE = 2

/** Runs the command that `argv` asks for, and sets the exit code of the process; `argv` begins as `process.argv` does. */
export async function runProgram(argv: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync(argv)
  } catch (error) {
    process.exitCode = exitCodeOf(error)
  }
}

function createProgram(): Command {
  const program = new Command('switchgear')
    .description('Coordinated circuit breakers: see them at work, replay what they did, look into their fleet.')
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => write(`switchgear: ${usageError(text)}\n`) })
    .helpCommand('help [command]', 'explain a command')
  addDemoCommand(program)
  addReplayCommand(program)
  addPublishCommand(program)
  addTailCommand(program)
  addStateCommand(program)
  addServeCommand(program)
  addFleetDemoCommand(program)
  addDiagramsCommand(program)
  addAsyncapiCommand(program)
  for (const command of [program, ...program.commands]) {
    command.version(version, '-V, --version', 'print the version').helpOption('-h, --help', 'explain this command')
  }
  return program
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
