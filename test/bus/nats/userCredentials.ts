// A server whose users bring signed credentials (JWTs), and a user's credentials file, made here: an operator who signs an
// account, which signs a user.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nkeys } from '@nats-io/transport-node'

type KeyPair = ReturnType<typeof nkeys.createUser>

export interface Credentials {
  /** For the server's configuration. */
  readonly config: string
  /** Where the user's file was written. */
  readonly file: string
}

export function userCredentials(directory: string): Credentials {
  const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()]
  const limits = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 }
  const jetstream = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }
  const operatorToken = signed(operator, operator, { type: 'operator', version: 2 })
  const accountToken = signed(account, operator, { type: 'account', version: 2, limits: { ...limits, ...jetstream } })
  const userToken = signed(user, account, { type: 'user', version: 2, subs: -1, data: -1, payload: -1 })
  const file = join(directory, 'user.creds')
  const seed = Buffer.from(user.getSeed()).toString()
  writeFileSync(file, `${block('NATS USER JWT', userToken)}\n${block('USER NKEY SEED', seed)}`)
  const preload = `resolver: MEMORY\nresolver_preload: { ${account.getPublicKey()}: ${accountToken} }`
  return { config: `operator: ${operatorToken}\n${preload}`, file }
}

function signed(subject: KeyPair, issuer: KeyPair, nats: object): string {
  const claims = { jti: 'TEST', iat: 1_767_225_600, iss: issuer.getPublicKey(), sub: subject.getPublicKey(), name: 'test', nats }
  const body = `${encoded({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encoded(claims)}`
  return `${body}.${Buffer.from(issuer.sign(Buffer.from(body))).toString('base64url')}`
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function block(name: string, content: string): string {
  return `-----BEGIN ${name}-----\n${content}\n------END ${name}------\n`
}
