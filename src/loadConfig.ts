// Loads a configuration from a file and the environment, for programs that are configured where they run. The result goes to
// `createSwitchgear`, which fills in the defaults.
import { CONFIG_FILE_VARIABLE, configFromEnvironment, type Environment } from './configEnvironment.ts'
import { readConfigFile } from './configFile.ts'
import { type ConfigInput, checkShape } from './model/config.ts'
import { mergeConfig } from './model/mergeConfig.ts'
import { isPlain } from './model/mergeLayers.ts'

export interface LoadConfigOptions {
  /** A JSON or YAML file; absent: the one that SWITCHGEAR_CONFIG names, or none. */
  readonly file?: string | undefined
  /** Environment variables; `process.env` if absent, `{}` for none. */
  readonly env?: Environment | undefined
  /** What the program itself sets; stronger than file and environment. */
  readonly config?: Partial<ConfigInput> | undefined
}

/**
 * Merges file, environment and `config`, each stronger than the one before, and checks keys, types and ranges. Throws a
 * ConfigError that names the file (with line and column where it cannot be parsed) or the variable at fault.
 */
export async function loadConfig(options: LoadConfigOptions = {}): Promise<ConfigInput> {
  const environment = options.env ?? process.env
  const file = options.file ?? (environment[CONFIG_FILE_VARIABLE] || undefined)
  const fromFile = file === undefined ? {} : await readConfigFile(file)
  const names = [fromFile, options.config].flatMap(namesIn)
  const { config: fromEnvironment, variables } = configFromEnvironment(environment, names)
  if (file !== undefined) checkShape(isPlain(fromFile) ? { services: {}, ...fromFile } : fromFile, file)
  const merged = mergeConfig(fromFile, fromEnvironment, options.config)
  checkShape(merged, (path) => variableOf(path, variables))
  return merged
}

/** The variable that set what lies at `path`, or something below or above it. */
function variableOf(path: string, variables: ReadonlyMap<string, string>): string | undefined {
  const exact = variables.get(path)
  if (exact !== undefined) return exact
  const related = [...variables].filter(([set]) => set.startsWith(`${path}.`) || path.startsWith(`${set}.`))
  // The deepest is the nearest.
  return related.sort(([a], [b]) => b.length - a.length)[0]?.[1]
}

/** Of services and routes, which share one space of names. */
function namesIn(config: unknown): string[] {
  if (!isPlain(config)) return []
  return [config.services, config.routes].flatMap((named) => (isPlain(named) ? Object.keys(named) : []))
}
