import { join } from 'node:path'
import { anotherPort, choosePort, isFree } from '../home/port.ts'
import { type Claim, claim as claimPart } from '../processes/claim.ts'
import { end } from '../processes/end.ts'
import { type Command, type Started, spawnLogged } from '../processes/spawn-logged.ts'
import { startWatchdog } from '../processes/watchdog.ts'
import { hostOf, type Server, type ServerOptions, type Source } from './server.ts'
import { type Readiness, whyNotReady } from './why-not-ready.ts'

export type Running<Name extends string = string> = Readiness & {
  name: Name
  /** Name of its log file, where that is not `name`. */
  logName?: string
  source: Source
  portVariable: string
  /** A fixed address to listen on, whatever the options say. */
  host?: string
  /** Later ones end later when the parent dies. */
  order: number
  /** The command that serves `port`; called again when a port turns out to be taken. */
  command(host: string, port: number): Promise<Command>
  /** Once, when it answers for the first time. */
  prepare?(host: string, port: number): Promise<void>
  env(host: string, port: number): Record<string, string>
}

/** A server did not start; the message ends with the last lines of its log. */
export class ServerFailed extends Error {
  override name = 'ServerFailed'
}

/** Starts a server that outlives neither `stop()` nor this process, and waits until it answers. */
export async function runServer<Name extends string>(
  running: Running<Name>,
  options: ServerOptions,
): Promise<Server<Name>> {
  const { home, env = process.env } = options
  const host = running.host ?? hostOf({ ...options, env })
  await options.beforeListen?.()
  const claim = await claimPart(home, running.name, 'servers')
  const watchdog = options.watchdog ?? startWatchdog()
  const leave = async () => {
    if (!options.watchdog) watchdog.close()
    await claim.release()
  }
  const start = (port: number) => startOn(port, { running, home, host, claim, watch: watchdog.watch })

  try {
    // Release the claim before `ended` resolves, so that the next start succeeds.
    const { port, started } = await onFreePort({ running, home, host, env }, start)
    const ended = started.ended.then(async () => {
      watchdog.forget(started.identity.pid)
      await leave()
    })
    const stop = async (hurry?: AbortSignal) => {
      await end(started.identity, { patienceMs: 3000, hurry })
      await ended
    }
    try {
      await running.prepare?.(host, port)
    } catch (error) {
      await stop()
      throw error
    }
    return {
      name: running.name,
      source: running.source,
      env: running.env(host, port),
      portSetting: { [running.portVariable]: String(port) },
      pid: started.identity.pid,
      ended,
      stop,
    }
  } catch (error) {
    await leave()
    throw error
  }
}

/** A free port may be taken a moment later: retries with another one, unless the port was configured. */
async function onFreePort(
  { running, home, host, env }: { running: Running; home: string; host: string; env: NodeJS.ProcessEnv },
  start: (port: number) => Promise<Started | 'port taken'>,
): Promise<{ port: number; started: Started }> {
  const { name, portVariable } = running
  const chosen = await choosePort({ home, name, host, variable: portVariable }, env)
  for (let port = chosen.number, attempt = 1; ; attempt++) {
    const started = await start(port)
    if (started !== 'port taken') return { port, started }
    if (chosen.fixed || attempt === 5) {
      throw new ServerFailed(
        `${name} did not start: ${host}:${port} is in use; choose another with ${portVariable}=`,
      )
    }
    port = await anotherPort(home, name, host)
  }
}

type Place = {
  running: Running
  home: string
  host: string
  claim: Claim
  watch(pid: number, order: number): void
}

async function startOn(port: number, place: Place): Promise<Started | 'port taken'> {
  const { running, home, host, claim, watch } = place
  if (!(await isFree(port, host))) return 'port taken'
  const logFile = join(home, 'logs', `${running.logName ?? running.name}.log`)
  const started = await spawnLogged(await running.command(host, port), logFile, home)
  watch(started.identity.pid, running.order)
  await claim.record(started.identity)

  const failure = await whyNotReady(running, started, host, port)
  if (!failure) return started
  await end(started.identity, { patienceMs: 2000 })
  const said = await started.said()
  if (failure === 'ended' && /in use|EADDRINUSE|cannot listen/i.test(said)) return 'port taken'
  const reason = failure === 'ended' ? 'it ended at once' : failure
  const last = said.trim().split('\n').slice(-12).join('\n')
  throw new ServerFailed(`${running.name} did not start: ${reason}\n${last}\n(${logFile})`)
}
