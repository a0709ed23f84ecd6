// `switchgear publish SERVICE`: tells the fleet what a call came to, from a shell. What it does is loaded when it is asked for.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { FAILURE_TYPES } from '../model/failures.ts'
import { addConnectionFlags } from './fleet/connectionFlags.ts'
import type { PublishFlags } from './publish/publishAction.ts'

export function addPublishCommand(program: Command): void {
  const command = program
    .command('publish')
    .description('tell a fleet what a call came to')
    .argument('[service]', 'the service that was called; with --stdin, the one of lines that name none')
    .addOption(new Option('--result <result>', 'what it came to').choices(['success', 'failure', 'ignored', 'rejected']))
    .option('--latency <ms>', 'how long it took, ms; of several calls the mean', number)
    .addOption(new Option('--failure <type>', 'what went wrong').choices([...FAILURE_TYPES]))
    .option('--status <code>', 'HTTP status', number)
    .option('--retry-after <ms>', 'how long the service asks us to stay away, ms', number)
    .option('--model <name>', 'the model that answered')
    .option('--operation <name>', 'what was asked for')
    .option('--input-tokens <n>', 'tokens sent', number)
    .option('--output-tokens <n>', 'tokens received', number)
    .option('--cost <dollars>', 'what it cost; of several calls their sum', number)
    .option('--quality <share>', 'how good the answer was, 0 to 1', number)
    .option('--count <n>', 'how many calls it sums up', number)
    .option('--slow <n>', 'how many of them were slow', number)
    .option('--id <id>', 'told twice with one id, it is heard once (default: drawn)')
    .addOption(new Option('--node <name>', 'who says it (default: made of the name of this machine)').env('SWITCHGEAR_NODE'))
    .option('--stdin', 'read messages from the standard input, one JSON object a line')
    .option('--json', 'print what was published as JSON')
  addConnectionFlags(command)
    .addHelpText(
      'after',
      '\nExit codes: 0 the server has it, 1 it was wrong or is not allowed, 2 it could not be sent within 5 s.',
    )
    .action(async (service: string | undefined, flags: PublishFlags) => {
      const { runPublish } = await import('./publish/publishAction.ts')
      await runPublish(service, flags)
    })
}

function number(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isFinite(value)) return value
  throw new InvalidArgumentError('Allowed: a number.')
}
