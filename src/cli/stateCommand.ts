// `switchgear state`: the fleet as seen from its bus. What it does is loaded when it is asked for, as all commands share one start.
import type { Command } from 'commander'
import { addConnectionFlags } from './fleet/connectionFlags.ts'
import type { StateFlags } from './state/stateAction.ts'

export function addStateCommand(program: Command): void {
  const command = program
    .command('state')
    .description('show a fleet as seen from its bus: its leader, its nodes, what is asked of services, what is spent')
    .option('--watch', 'look again every second, until Ctrl-C')
    .option('--json', 'print it as JSON')
  addConnectionFlags(command)
    .addHelpText('after', '\nExit codes: 0 there is a fleet, 1 there is none or it may not be seen, 2 no connection.')
    .action(async (flags: StateFlags) => {
      const { runState } = await import('./state/stateAction.ts')
      await runState(flags)
    })
}
