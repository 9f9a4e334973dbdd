import { spawn } from 'node:child_process'
import { open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { anotherPort, choosePort } from '../home/port.ts'
import { privateFolder } from '../home/secret-file.ts'
import { claim as claimPart } from '../processes/claim.ts'
import { end } from '../processes/end.ts'
import { type Identity, identify } from '../processes/identity.ts'
import { startWatchdog } from '../processes/watchdog.ts'
import { hostOf, type Server, type ServerName, type ServerOptions, type Source } from './server.ts'

export type Running = {
  name: ServerName
  source: Source
  portVariable: string
  /** Later ones end later when the parent dies. */
  order: number
  /** The command that serves `port`; called again when a port turns out to be taken. */
  command(
    host: string,
    port: number,
  ): Promise<{ file: string; parameters: string[]; env: Record<string, string> }>
  /** Throws while the server does not answer. */
  probe(host: string, port: number, signal: AbortSignal): Promise<void>
  /** Once, when it answers for the first time. */
  prepare?(host: string, port: number): Promise<void>
  env(host: string, port: number): Record<string, string>
}

const readyWithinMs = 60_000
const log = { keepBytes: 10 * 1024 * 1024 }

/** A server did not come up; the message ends with the last lines of its log. */
export class ServerFailed extends Error {
  override name = 'ServerFailed'
}

/** Starts a server that outlives neither `stop()` nor this process, and waits until it answers. */
export async function runServer(running: Running, options: ServerOptions): Promise<Server> {
  const { home, env = process.env } = options
  const { name } = running
  const host = hostOf({ ...options, env })
  const logFile = join(home, 'logs', `${name}.log`)
  await privateFolder(join(home, 'logs'))
  const claim = await claimPart(home, name, 'servers')
  const watchdog = options.watchdog ?? startWatchdog()
  let port: number
  let started: Started
  try {
    const chosen = await choosePort(home, name, host, running.portVariable, env)
    port = chosen.number
    for (let attempt = 1; ; attempt++) {
      started = await startOn(port)
      const failure = await whyNotReady(started)
      if (!failure) break
      await end(started.identity, { patienceMs: 2000 })
      if (failure === 'port taken' && !chosen.fixedBy && attempt < 5) {
        port = await anotherPort(home, name, host)
        continue
      }
      const reason =
        failure === 'port taken'
          ? `${host}:${port} is in use; choose another with ${running.portVariable}=`
          : failure
      throw new ServerFailed(`${name} did not start: ${reason}\n${await started.lastLines()}\n(${logFile})`)
    }
    await running.prepare?.(host, port)
  } catch (error) {
    await giveUp()
    throw error
  }
  const { identity } = started
  // However it ends, its place is free for the next start before anybody hears of it.
  const ended = started.ended.then(giveUp)

  return {
    name,
    source: running.source,
    env: running.env(host, port),
    portSetting: { [running.portVariable]: String(port) },
    pid: identity.pid,
    ended,
    stop: async (hurry) => {
      await end(identity, { patienceMs: 3000, hurry })
      await ended
    },
  }

  async function giveUp() {
    if (started) {
      await end(started.identity, { patienceMs: 2000 })
      watchdog.forget(started.identity.pid)
    }
    if (!options.watchdog) watchdog.close()
    await claim.release()
  }

  async function startOn(onPort: number): Promise<Started> {
    const command = await running.command(host, onPort)
    const child = await spawnLogged(command, logFile, home)
    watchdog.watch(child.identity.pid, running.order)
    await claim.record(child.identity)
    return child
  }

  async function whyNotReady({ ended: over, lastLines }: Started): Promise<string | undefined> {
    const patience = AbortSignal.timeout(readyWithinMs)
    let dead = false
    void over.then(() => {
      dead = true
    })
    let last: unknown
    while (!dead && !patience.aborted) {
      try {
        await running.probe(host, port, AbortSignal.timeout(2000))
        // Somebody else's server may answer on the port that ours did not get.
        await delay(0)
        if (!dead) return undefined
      } catch (error) {
        last = error
        await Promise.race([over, delay(30)])
      }
    }
    if (dead)
      return /address already in use|in use|EADDRINUSE|cannot listen/i.test(await lastLines())
        ? 'port taken'
        : 'it ended at once'
    return `no answer within ${readyWithinMs / 1000} s (${last instanceof Error ? last.message : String(last)})`
  }
}

type Started = { identity: Identity; ended: Promise<void>; lastLines(): Promise<string> }

/** A process in a group of its own, so that Ctrl-C and a group's SIGTERM reach only us. */
async function spawnLogged(
  { file, parameters, env }: { file: string; parameters: string[]; env: Record<string, string> },
  logFile: string,
  cwd: string,
): Promise<Started> {
  await rotate(logFile)
  const output = await open(logFile, 'a', 0o600)
  try {
    const from = (await output.stat()).size
    const child = spawn(file, parameters, {
      cwd,
      env,
      stdio: ['ignore', output.fd, output.fd],
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    const pid = await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('spawn', () => resolve(child.pid ?? Number.NaN))
    })
    return {
      identity: identify(pid) ?? { pid, started: 'gone' },
      ended,
      lastLines: () => tail(logFile, from),
    }
  } finally {
    await output.close()
  }
}

async function tail(logFile: string, from: number): Promise<string> {
  const file = await open(logFile, 'r')
  try {
    const { size } = await file.stat()
    const start = Math.max(from, size - 8192)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(0, size - start)), 0, null, start)
    return buffer.toString('utf8', 0, bytesRead).trim().split('\n').slice(-12).join('\n')
  } finally {
    await file.close()
  }
}

async function rotate(logFile: string): Promise<void> {
  const size = await stat(logFile).then(
    ({ size }) => size,
    () => 0,
  )
  if (size < log.keepBytes) return
  await rm(`${logFile}.1`, { force: true })
  await rename(logFile, `${logFile}.1`)
}
