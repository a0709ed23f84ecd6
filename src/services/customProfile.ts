// The profile of any async function: what it returns is a success, whatever it looks like, and costs the hot path nothing;
// what it throws is judged by status, code and class, as the words of a stranger's messages prove nothing.
import type { Kind } from '../model/policy.ts'
import { assessWindow } from './assessWindow.ts'
import { classifyThrown } from './http/classifyThrown.ts'
import type { ServiceProfile } from './serviceProfile.ts'

export function customProfile(kind: Kind = 'custom'): ServiceProfile {
  return {
    kind,
    classifyError: (error, at) => classifyThrown(error, at, { words: false }),
    assess: assessWindow,
  }
}
