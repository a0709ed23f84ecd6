// Encryption at rest: a batch of record lines becomes one line with AES-256-GCM. The crc of the line before is authenticated
// along with each batch, so batches cannot be exchanged, doubled or taken out by someone who lacks the key. (The tail can be
// cut off; only a copy kept elsewhere would show that.)
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

export type JournalKey = Buffer | string

const ALGORITHM = 'aes-256-gcm'
const IV_LENGTH = 12
const TAG_LENGTH = 16

export class BatchCipher {
  readonly #key: Buffer

  /** Takes 32 bytes, as a buffer, as 64 hex digits or in base64. Throws a TypeError, which does not show the key. */
  constructor(key: JournalKey) {
    const bytes = typeof key === 'string' ? Buffer.from(key, /^[0-9a-f]{64}$/i.test(key) ? 'hex' : 'base64') : key
    if (bytes.length !== 32) {
      throw new TypeError(`the journal's key has ${bytes.length} bytes; allowed: 32, as a Buffer, 64 hex digits or base64`)
    }
    this.#key = Buffer.from(bytes)
  }

  encrypt(text: string, previousCrc: number): string {
    const iv = randomBytes(IV_LENGTH)
    const cipher = createCipheriv(ALGORITHM, this.#key, iv).setAAD(associated(previousCrc))
    const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([iv, cipher.getAuthTag(), ciphertext]).toString('base64')
  }

  /** The first 16 characters of a batch, from its first 60, unauthenticated: to look for something, not to believe it. */
  peek(encodedHead: string): string {
    const bytes = Buffer.from(encodedHead, 'base64')
    const decipher = createDecipheriv(ALGORITHM, this.#key, bytes.subarray(0, IV_LENGTH))
    return decipher.update(bytes.subarray(IV_LENGTH + TAG_LENGTH), undefined, 'latin1')
  }

  /** Throws when the key is not the one it was encrypted with, or the batch is not as it was or where it was. */
  decrypt(encoded: string, previousCrc: number): string {
    const bytes = Buffer.from(encoded, 'base64')
    const iv = bytes.subarray(0, IV_LENGTH)
    const tag = bytes.subarray(IV_LENGTH, IV_LENGTH + TAG_LENGTH)
    const decipher = createDecipheriv(ALGORITHM, this.#key, iv, { authTagLength: TAG_LENGTH }).setAAD(associated(previousCrc))
    decipher.setAuthTag(tag)
    return decipher.update(bytes.subarray(IV_LENGTH + TAG_LENGTH), undefined, 'utf8') + decipher.final('utf8')
  }
}

function associated(previousCrc: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(previousCrc)
  return bytes
}
