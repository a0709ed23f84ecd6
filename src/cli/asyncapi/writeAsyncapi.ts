// Keeps the AsyncAPI document in step with the schemas of the messages. Used by `switchgear asyncapi`.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { stringify } from 'yaml'
import { asyncapiDocument } from './document.ts'

const HEADING = '# The contract of the fleet\'s bus, generated from the schemas of its messages. Written by "npm run asyncapi".\n'

/** True when `file` was not as it should be; unless it is only to be checked, it then is. */
export async function writeAsyncapi(file: string, check: boolean): Promise<boolean> {
  const text = asyncapiYaml()
  if ((await contentOf(file)) === text) return false
  if (!check) {
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }
  return true
}

export function asyncapiYaml(): string {
  return HEADING + stringify(asyncapiDocument(), { lineWidth: 120, aliasDuplicateObjects: false })
}

async function contentOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
