// `switchgear serve`. What it does is loaded when it is asked for, as all commands share one start.
import type { Command } from 'commander'
import { addConnectionFlags } from './fleet/connectionFlags.ts'
import type { ServeFlags } from './serve/serveAction.ts'

export function addServeCommand(program: Command): void {
  const command = program
    .command('serve')
    .description('run an orchestrator for the fleet: a node that makes no calls, and leads when it can')
    .option('--config <file>', 'JSON or YAML: services, budgets, orchestrator and bus, as for a board')
    .option('--node <name>', "this process's name in the fleet")
    .option('--journal [directory]', "keep journals: in the fleet's stream, or in files of a directory")
    .option('--json', 'one JSON object a line')
  addConnectionFlags(command)
    .addHelpText(
      'after',
      '\nServices that are not in the configuration are kept as they are heard of. What is given here is stronger than the ' +
        'configuration.\nSIGTERM or SIGINT hands over and ends it. Exit codes: 0 ended in order, 2 it cannot be run as asked.',
    )
    .action(async (flags: ServeFlags) => {
      const { runServe } = await import('./serve/serveAction.ts')
      await runServe(flags, (flag) => command.getOptionValueSource(flag) !== 'default' && flag in flags)
    })
}
