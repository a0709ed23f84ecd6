// The flags of all commands that speak to a fleet's server, and the configuration they make.
import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { type BusConfig, DEFAULT_FLEET, busSchema as schema } from '../../model/fleet/busConfig.ts'
import { isBusName, NAMES_ALLOWED } from '../../model/fleet/subjects.ts'
import { CommandFailure, inOneLine } from '../commandFailure.ts'

export interface ConnectionFlags {
  readonly server: string
  readonly fleet: string
  readonly creds?: string
  readonly nkey?: string
  readonly user?: string
  readonly passwordFile?: string
  readonly tokenFile?: string
  readonly tls?: boolean
  readonly tlsCa?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly inboxPrefix?: string
}

const UNUSABLE = 2

export function addConnectionFlags(command: Command): Command {
  const server = new Option('--server <url>', 'the NATS server, or several with commas between')
  const fleet = new Option('--fleet <name>', 'the fleet')
  return command
    .addOption(server.env('SWITCHGEAR_NATS').default('nats://127.0.0.1:4222'))
    .addOption(fleet.env('SWITCHGEAR_FLEET').default(DEFAULT_FLEET))
    .option('--creds <file>', 'user credentials (a JWT and its seed)')
    .option('--nkey <file>', 'the seed of an nkey')
    .option('--user <name>', 'who we are')
    .option('--password-file <file>', 'the password of that user')
    .option('--token-file <file>', 'a token')
    .option('--tls', 'speak TLS, or not at all')
    .option('--tls-ca <file>', 'certificates of the authority that the server is to be known by')
    .option('--tls-cert <file>', 'a certificate of ours')
    .option('--tls-key <file>', 'the key of that certificate')
    .option('--inbox-prefix <subject>', 'where answers come to, if permissions name it')
}

/** Throws a CommandFailure that names the flag or the file. */
export function busConfigOf(flags: ConnectionFlags): BusConfig {
  const { server, fleet, creds, nkey, user, passwordFile, tokenFile, inboxPrefix } = flags
  if (!isBusName(fleet)) throw unusable(`--fleet: got ${JSON.stringify(fleet)}; allowed: ${NAMES_ALLOWED}`)
  for (const [flag, file] of Object.entries({
    creds,
    nkey,
    'tls-ca': flags.tlsCa,
    'tls-cert': flags.tlsCert,
    'tls-key': flags.tlsKey,
  })) {
    if (file !== undefined) contentOf(flag, file)
  }
  const { success, data, error } = schema.safeParse({
    servers: server.split(',').map((one) => one.trim()),
    fleet,
    ...given('credentials', creds),
    ...given('nkeySeed', nkey),
    ...given('user', user),
    ...given('password', passwordFile === undefined ? undefined : contentOf('password-file', passwordFile)),
    ...given('token', tokenFile === undefined ? undefined : contentOf('token-file', tokenFile)),
    ...given('inboxPrefix', inboxPrefix),
    ...given('tls', tlsOf(flags)),
  })
  if (success) return data
  const [issue] = error.issues
  const flag = FLAGS[String(issue?.path[0])] ?? '--server'
  const said =
    flag === '--server'
      ? `got ${JSON.stringify(server.slice(0, 200))}; allowed: nats://host:port, tls://host:port`
      : issue?.message
  throw unusable(`${flag}: ${said}`)
}

const FLAGS: Readonly<Record<string, string>> = {
  credentials: '--creds',
  nkeySeed: '--nkey',
  user: '--user',
  password: '--password-file',
  token: '--token-file',
  inboxPrefix: '--inbox-prefix',
  tls: '--tls-cert and --tls-key',
}

function tlsOf({ tls, tlsCa: ca, tlsCert: cert, tlsKey: key }: ConnectionFlags): unknown {
  if (ca === undefined && cert === undefined && key === undefined) return tls
  return { ...given('ca', ca), ...given('cert', cert), ...given('key', key) }
}

/** Secrets come in files: what stands on a command line can be seen by everybody on the machine. */
function contentOf(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw unusable(`--${flag}: ${file} cannot be read: ${inOneLine(error)}`)
  }
}

function given<Key extends string>(key: Key, value: unknown): { [Name in Key]?: unknown } {
  return (value === undefined ? {} : { [key]: value }) as { [Name in Key]?: unknown }
}

function unusable(message: string): CommandFailure {
  return new CommandFailure(message, UNUSABLE)
}
