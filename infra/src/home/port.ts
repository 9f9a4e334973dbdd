import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { readIfThere, writeSecretFile } from './secret-file.ts'

export type Port = { number: number; fixed: boolean }

/** What wants a port: `variable` is where the owner may set it, and `home` stores it under `name`. */
type PortOwner = { home: string; name: string; host: string; variable: string }

/** The configured port, else the one of the last start if it is still free, else a free one, which it stores. */
export async function choosePort(owner: PortOwner, env: NodeJS.ProcessEnv): Promise<Port> {
  const { home, name, host, variable } = owner
  const chosen = env[variable]
  if (chosen) return { number: parsePort(variable, chosen), fixed: true }
  const remembered = Number(await readIfThere(rememberedAt(home, name)))
  if (remembered && (await isFree(remembered, host))) return { number: remembered, fixed: false }
  return { number: await anotherPort(home, name, host), fixed: false }
}

export async function anotherPort(home: string, name: string, host: string): Promise<number> {
  for (;;) {
    // Below the range of ports for outgoing connections, so that it stays free between starts.
    const number = randomInt(20_000, 32_000)
    if (!(await isFree(number, host))) continue
    await writeSecretFile(rememberedAt(home, name), String(number))
    return number
  }
}

export function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' || error.code === 'EACCES' ? resolve(false) : reject(error),
    )
    probe.listen(port, host, () => probe.close(() => resolve(true)))
  })
}

export function parsePort(variable: string, text: string): number {
  const number = Number(text)
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number
  throw new Error(`${variable}=${text} is not a port (1–65535)`)
}

const rememberedAt = (home: string, name: string) => join(home, 'run', `${name}.port`)
