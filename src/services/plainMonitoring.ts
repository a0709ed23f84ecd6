// Monitoring of a service of which nothing is known but its address: it is well while that answers with a 2xx, and its memory
// is judged where the user says what is used. For the kinds http, custom, embedding and knowledge-base.
import type { ServiceSettings } from '../model/settings.ts'
import { memoryCondition } from './memoryCondition.ts'
import type { Monitoring } from './serviceProfile.ts'

export function plainMonitoring({ memoryLimit }: Pick<ServiceSettings, 'memoryLimit'>): Monitoring {
  return {
    paths: [''],
    read: ({ memory }) => {
      const condition = memoryCondition(memory, memoryLimit)
      return { conditions: condition ? [condition] : [], facts: {} }
    },
  }
}
