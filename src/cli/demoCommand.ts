// `switchgear demo`. What it does is loaded when it is asked for, as all commands share one start.
import { type Command, InvalidArgumentError } from 'commander'
import type { DemoFlags } from './demo/demoAction.ts'

export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('send real calls through breakers, play an incident to them, and replay what they did')
    .option('--seconds <n>', 'how long it takes, 6 to 3600', numberFrom(6, 3600), 20)
    .option('--out <dir>', 'directory for the journal (default: a new one for temporary files)')
    .option('--json', 'print nothing but the result, as JSON')
    .option(
      '--inspect [port]',
      'show the statecharts live in the Stately inspector (port 8080 if none is given)',
      wholeNumber(0, 65_535),
    )
    .option('--seed <n>', 'where all that is random starts from', wholeNumber(-2_147_483_648, 2_147_483_647))
    .addHelpText(
      'after',
      '\nExit codes: 0 the replay was identical and every state was visited, 1 not so, 2 it could not be run.',
    )
    .action(async (flags: DemoFlags) => {
      const { runDemoCommand } = await import('./demo/demoAction.ts')
      await runDemoCommand(flags)
    })
}

function numberFrom(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (value >= least && value <= most) return value
    throw new InvalidArgumentError(`Allowed: ${least} to ${most}.`)
  }
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = numberFrom(least, most)(text)
    if (Number.isInteger(value)) return value
    throw new InvalidArgumentError(`Allowed: whole numbers from ${least} to ${most}.`)
  }
}
