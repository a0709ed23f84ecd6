// `switchgear tail`: shows a fleet's bus live. What it does is loaded when it is asked for, as all commands share one start.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { addConnectionFlags } from './fleet/connectionFlags.ts'
import { TAILED, type TailFlags } from './tail/tailed.ts'

export function addTailCommand(program: Command): void {
  const command = program
    .command('tail')
    .description("show a fleet's bus live: what its nodes say, and what its leader wants")
    .addOption(new Option('--type <type...>', 'only these (all but ledger, if none is named)').choices(TAILED))
    .option('--service <name>', 'only what concerns this service')
    .option('--node <name>', 'only what this node says')
    .option('--for <seconds>', 'end after so long', seconds)
    .option('--json', 'print each message as a line of JSON')
  addConnectionFlags(command)
    .addHelpText('after', '\nExit codes: 0 it ended after --for, 130 by Ctrl-C, 1 not allowed to listen, 2 no connection.')
    .action(async (flags: TailFlags) => {
      const { runTail } = await import('./tail/tailAction.ts')
      await runTail(flags)
    })
}

function seconds(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (value > 0 && value <= 1e9) return value
  throw new InvalidArgumentError('Allowed: a number above 0.')
}
