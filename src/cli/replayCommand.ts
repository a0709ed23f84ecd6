// `switchgear replay FILE`. What it does is loaded when it is asked for, as all commands share one start.
import type { Command } from 'commander'
import type { ReplayFlags } from './replay/replayAction.ts'

export function addReplayCommand(program: Command): void {
  program
    .command('replay')
    .description('run a journal again and hold what happens against what was recorded')
    .argument('<file>', 'the journal')
    .option('--rotated', 'read the rotated files before it too, oldest first')
    .option('--key-file <file>', 'file with the key of an encrypted journal: 32 bytes, or 64 hex digits, or base64')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExit codes: 0 identical, 1 differs, 2 the journal cannot be read.')
    .action(async (file: string, flags: ReplayFlags) => {
      const { runReplay } = await import('./replay/replayAction.ts')
      await runReplay(file, flags)
    })
}
