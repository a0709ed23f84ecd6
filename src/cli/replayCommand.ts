// `switchgear replay FILE`, or an address of a fleet's journal. What it does is loaded when it is asked for, as all commands
// share one start.
import type { Command } from 'commander'
import { addConnectionFlags } from './fleet/connectionFlags.ts'
import type { ReplayFlags } from './replay/replayAction.ts'
import type { FleetReplayFlags } from './replay/replayFleet.ts'

export function addReplayCommand(program: Command): void {
  const command = program
    .command('replay')
    .description('run a journal again and hold what happens against what was recorded')
    .argument('<journal>', 'a file, or nats://host:port/fleet with ?node=, &from= and &to=')
    .option('--rotated', 'read the rotated files before it too, oldest first')
    .option('--key-file <file>', 'file with the key of an encrypted journal: 32 bytes, or 64 hex digits, or base64')
    .option('--json', 'print the result as JSON')
  addConnectionFlags(command)
  // The address says both.
  for (const option of command.options) if (option.long === '--server' || option.long === '--fleet') option.hideHelp()
  command
    .addHelpText('after', '\nExit codes: 0 identical, 1 differs, 2 the journal cannot be read.')
    .action(async (journal: string, flags: ReplayFlags & FleetReplayFlags) => {
      if (/^(?:nats|tls):\/\//.test(journal)) {
        const { runFleetReplay } = await import('./replay/replayFleet.ts')
        await runFleetReplay(journal, flags)
        return
      }
      const { runReplay } = await import('./replay/replayAction.ts')
      await runReplay(journal, flags)
    })
}
