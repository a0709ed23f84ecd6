// `switchgear fleet`. What it does is loaded when it is asked for, as all commands share one start.
import { type Command, InvalidArgumentError } from 'commander'

export function addFleetDemoCommand(program: Command): void {
  program
    .command('fleet')
    .description('start a fleet here (a NATS server, three services, a leader), play an outage to it, and show what it does')
    .option('--seconds <n>', 'how long it takes at the least, 12 to 600', seconds, 25)
    .addHelpText(
      'after',
      '\nNeeds nats-server (on the PATH, or where NATS_SERVER_BIN says). All that it starts ends with it.' +
        '\nExit codes: 0 the fleet did what it should, 1 not so, 2 it could not be run.',
    )
    .action(async (flags: { readonly seconds: number }) => {
      const { runFleetDemo } = await import('./fleetDemo/fleetDemoAction.ts')
      await runFleetDemo(flags)
    })
}

function seconds(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (value >= 12 && value <= 600) return value
  throw new InvalidArgumentError('Allowed: 12 to 600.')
}
