// The shape of `bus:` in a configuration: where the fleet's NATS is, who this process is in it, and the bounds of what it takes.
import { z } from 'zod'
import { Secret } from '../secret.ts'
import { isBusName, NAMES_ALLOWED } from './subjects.ts'
import { MAX_ENTRY } from './wireFields.ts'

const name = z.string().refine(isBusName).meta({ allowed: NAMES_ALLOWED })
const server = z
  .string()
  .regex(/^(?:(?:nats|tls):\/\/)?[^\s/@]+$/)
  .refine((address) => URL.canParse(address.includes('://') ? address : `nats://${address}`))
  .meta({
    allowed: 'nats://host:port, tls://host:port or host:port; who one is goes into user, token, nkeySeed or credentials',
    // Who writes it there all the same must not find it in a log.
    secret: true,
  })
const path = z.string().min(1).max(4096)
const secret = z
  .string()
  .min(1)
  .max(4096)
  .transform((value) => new Secret(value))
  .meta({ allowed: 'a text of 1 to 4096 characters', secret: true })
const ms = z.number().finite().meta({ unit: 'ms' })
const count = z.number().int().min(1)

/** The fleet of those who name none. */
export const DEFAULT_FLEET = 'default'

const busLimitsSchema = z.strictObject({
  /** Messages that wait to be sent; summaries are dropped first when there are more. */
  outboxMessages: count.max(1_000_000).default(10_000),
  /** Their size on the wire. */
  outboxBytes: count.max(1_073_741_824).default(8_388_608).meta({ unit: 'bytes' }),
  /** What is heard of one node in a second at most. */
  messagesPerSecond: count.max(1_000_000).default(5000),
  /** Entries of a table at most. */
  tableKeys: count.max(1_000_000).default(10_000),
  /** The longest entry of a table. */
  entryBytes: count.min(1024).max(MAX_ENTRY).default(262_144).meta({ unit: 'bytes' }),
  /** The fleet's journal in the stream, of all nodes. A server sets this aside from its storage when the stream is made. */
  journalBytes: count.min(1_048_576).default(268_435_456).meta({ unit: 'bytes' }),
  /** For how long the stream keeps it. */
  journalAge: ms.min(60_000).default(2_592_000_000),
})

export const busSchema = z
  .strictObject({
    servers: z.union([server.transform((one) => [one]), z.array(server).min(1).max(32)]),
    fleet: name.default(DEFAULT_FLEET),
    /** No other process of the fleet may have it. Absent: made of the host's name and chance. */
    node: name.optional(),
    /** File of user credentials (`.creds`: a JWT and its seed). */
    credentials: path.optional(),
    /** File with the seed of an nkey. */
    nkeySeed: path.optional(),
    user: z.string().min(1).max(256).optional(),
    password: secret.optional(),
    token: secret.optional(),
    tls: z.union([z.boolean(), z.strictObject({ ca: path.optional(), cert: path.optional(), key: path.optional() })]).optional(),
    /** What requests' answers come back on; a user whose permissions name its own inbox says so here. */
    inboxPrefix: z
      .string()
      .regex(/^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/)
      .max(128)
      .optional(),
    /** The journal goes into the fleet's stream. */
    journal: z.boolean().default(false),
    /** How long a leader is one without renewing. 3 s suits one server, 12 s a cluster. */
    lease: ms.min(1000).max(600_000).default(3000),
    /** May this process lead the fleet? */
    lead: z.boolean().default(true),
    /** Copies that a cluster keeps of tables and journal. */
    replicas: z.union([z.literal(1), z.literal(3), z.literal(5)]).default(1),
    limits: busLimitsSchema.prefault({}),
  })
  .superRefine((bus, context) => {
    const ways = (['credentials', 'nkeySeed', 'user', 'token'] as const).filter((way) => bus[way] !== undefined)
    if (ways.length > 1) {
      context.addIssue({ code: 'custom', path: [ways[1] as string], message: `only one of ${ways.join(', ')} can be given` })
    }
    if (bus.password !== undefined && bus.user === undefined) {
      context.addIssue({ code: 'custom', path: ['password'], message: 'a password needs a user' })
    }
    if (typeof bus.tls === 'object' && (bus.tls.cert === undefined) !== (bus.tls.key === undefined)) {
      context.addIssue({ code: 'custom', path: ['tls'], message: 'cert and key go together' })
    }
  })

/** As a user writes it. */
export type BusInput = z.input<typeof busSchema>
/** With every value settled. */
export type BusConfig = Readonly<z.output<typeof busSchema>>
