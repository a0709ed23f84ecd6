// Where nats-server is on this machine.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

export const HOW_TO_GET_NATS = 'install it (Debian, Ubuntu: apt-get install nats-server) or say where it is by NATS_SERVER_BIN'

export function findNatsServer(): string | undefined {
  const named = process.env.NATS_SERVER_BIN
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  const places = named ? [named] : directories.map((directory) => join(directory, 'nats-server'))
  return places.find((place) => {
    try {
      accessSync(place, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
