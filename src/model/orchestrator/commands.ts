// A command for several services, taken apart into what each is told. Used by supervise.ts.
import type { Command, SystemCommand } from '../signals.ts'
import type { Effect, OrchestratorContext } from './context.ts'

/** Who of the services a command is meant for, and what each is told. */
export function commandsFor({ services }: OrchestratorContext, command: SystemCommand, at: number): Effect[] {
  const { name, by, why } = command
  const meant = Object.keys(services).filter((service) => command.services?.includes(service) ?? true)
  const each = (to: readonly string[], one: Command): Effect[] =>
    to.map((service): Effect => ({ type: 'command', at, service, command: one }))
  switch (name) {
    case 'tripAll':
      return each(meant, { name: 'trip', by, why })
    case 'recoverAll':
      return each(
        meant.filter((service) => services[service]?.path !== 'maintenance'),
        { name: 'reset', by, why },
      )
    case 'beginMaintenance': {
      const { until } = command
      return each(meant, { name, by, why, ...(until === undefined ? undefined : { until }) })
    }
    case 'endMaintenance':
      return each(meant, { name, by, why })
  }
}
