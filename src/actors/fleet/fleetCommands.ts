// What an operator wants of the fleet: told to the fleet's board, from where it becomes what nodes are asked. Used by fleetLeader.ts,
// and by fleetNode.ts, which sends it.
import { checked } from '../../model/checked.ts'
import { ConfigError } from '../../model/errors.ts'
import { isBusService, NAMES_ALLOWED } from '../../model/fleet/subjects.ts'
import type { WireMessage } from '../../model/fleet/wire.ts'
import { type Command, commandSchema, type SystemCommand, systemCommandSchema } from '../../model/signals.ts'
import type { Board } from '../board.ts'

export type CommandMessage = Extract<WireMessage, { type: 'command' }>

/** One that was heard while nobody led, or while it was not known that nobody did. */
export interface HeardCommand {
  readonly message: CommandMessage
  /** By our clock, epoch ms. */
  readonly heardAt: number
}

/** What a user wants told to the fleet, and of which service; throws a ConfigError where that is no command for a fleet. */
export function commandOf(to: string | SystemCommand, command: Command | undefined): Pick<CommandMessage, 'service' | 'command'> {
  if (typeof to !== 'string') return { service: '*', command: checked(systemCommandSchema, to, 'command') }
  if (to === '*' || !isBusService(to)) throw new ConfigError('service', to, NAMES_ALLOWED)
  return { service: to, command: checked(commandSchema, command, 'command') }
}

/** Clocks are apart: a maintenance lasts from when we heard of it for as long as it was meant to last from when it was sent. */
export function obey(board: Board, { service, command, at: sentAt }: CommandMessage, at: number, heardAt: number = at): void {
  const ends = 'until' in command && command.until !== undefined
  const mine = ends ? { ...command, until: heardAt + Math.max(0, (command.until ?? sentAt) - sentAt) } : command
  if (service === '*') {
    if (isForAll(mine)) board.command(at, mine)
  } else if (isForOne(mine)) board.get(service)?.command(at, mine)
}

function isForAll(command: Command | SystemCommand): command is SystemCommand {
  return command.name === 'tripAll' || command.name === 'recoverAll' || command.name.endsWith('Maintenance')
}

function isForOne(command: Command | SystemCommand): command is Command {
  return command.name !== 'tripAll' && command.name !== 'recoverAll'
}
