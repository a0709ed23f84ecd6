// The colour of each state: green lets calls pass, yellow holds some back, red none; blue is the operators'.
import type { StateName } from '../../model/states.ts'
import type { Paint, Style } from '../terminal/style.ts'

export function statePaint(state: StateName, style: Style): Paint {
  switch (state) {
    case 'closed':
      return style.green
    case 'open':
      return style.red
    case 'halfOpen':
      return style.cyan
    case 'maintenance':
      return style.blue
    case 'budgetLimited':
      return style.magenta
    default:
      return style.yellow
  }
}
