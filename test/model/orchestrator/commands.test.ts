// A command for several services, and what each is told.
import { expect, it } from 'vitest'
import { commandsFor } from '../../../src/model/orchestrator/commands.ts'
import type { SystemCommand } from '../../../src/model/signals.ts'
import { contextOf, FOUR, said } from './onBoard.ts'

const who = { by: 'ann', why: 'a drill' }

it.each<[SystemCommand, string[]]>([
  [{ name: 'tripAll', ...who }, ['a: trip', 'b: trip', 'c: trip', 'd: trip']],
  [{ name: 'tripAll', ...who, services: ['d', 'b', 'gone'] }, ['b: trip', 'd: trip']],
  [{ name: 'tripAll', ...who, services: [] }, []],
  [{ name: 'recoverAll', ...who }, ['a: reset', 'c: reset', 'd: reset']],
  [{ name: 'recoverAll', ...who, services: ['b'] }, []],
  [{ name: 'beginMaintenance', ...who, services: ['a'] }, ['a: beginMaintenance']],
  [{ name: 'endMaintenance', ...who, services: ['b'] }, ['b: endMaintenance']],
])('%j tells each its part', (command, lines) => {
  expect(said(commandsFor(contextOf(FOUR, { b: 'maintenance' }), command, 5))).toEqual(lines)
})

it('passes on who and why, and until when if that was said', () => {
  const one = { services: ['a'], ...who }
  expect(commandsFor(contextOf(FOUR), { name: 'beginMaintenance', ...one, until: 99 }, 5)).toEqual([
    { type: 'command', at: 5, service: 'a', command: { name: 'beginMaintenance', ...who, until: 99 } },
  ])
  expect(commandsFor(contextOf(FOUR), { name: 'beginMaintenance', ...one }, 5)).toEqual([
    { type: 'command', at: 5, service: 'a', command: { name: 'beginMaintenance', ...who } },
  ])
})
