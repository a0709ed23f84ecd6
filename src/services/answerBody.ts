// The parsed body that a client hands out: the value itself, or what axios and its like put beside a status. For the profiles
// that read answers.
import { isObject, readField } from './foreignValue.ts'

export function answerBody(value: unknown): unknown {
  const data = readField(value, 'data')
  return isObject(data) && typeof readField(value, 'status') === 'number' ? data : value
}
