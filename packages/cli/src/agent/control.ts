import { readControl } from '@millrace/agent/control'
import { UsageFault } from '../exit-codes.ts'
import { homeOfAgent } from './home.ts'
import { describeStatus, type Status, StatusAnswer } from './status.ts'

export type HomeFlag = { home?: string }
export type PauseFlags = HomeFlag & { note?: string; finish: boolean }

/** `millrace agent pause [2h]`: pauses the agent for this time, or until `resume`. */
export async function pauseAgent(length: string | undefined, flags: PauseFlags): Promise<void> {
  const until = length === undefined ? null : new Date(Date.now() + milliseconds(length)).toISOString()
  await command(flags, 'pause', { until, note: flags.note ?? null, finish: flags.finish })
}

export const resumeAgent = (flags: HomeFlag): Promise<void> => command(flags, 'resume')
export const drainAgent = (flags: HomeFlag): Promise<void> => command(flags, 'drain')

/** `millrace agent status`, for people or, with `--json`, for programs. */
export async function showStatus(flags: HomeFlag & { json: boolean }): Promise<void> {
  const status = await ask(flags, 'GET', 'status')
  console.log(flags.json ? JSON.stringify(status, null, 2) : describeStatus(status))
}

async function command(flags: HomeFlag, act: string, body: object = {}): Promise<void> {
  console.log(describeStatus(await ask(flags, 'POST', act, body)))
}

/** Sends a request to the local agent of this home, over the loopback interface only. */
async function ask(flags: HomeFlag, method: string, path: string, body?: object): Promise<Status> {
  const home = homeOfAgent(flags)
  const control = await readControl(home)
  if (!control)
    throw new UsageFault(
      `no agent runs with the folder ${home}\nStart it, or say with --home which folder it has (AGENT_HOME).`,
    )
  const response = await fetch(`${control.url}/${path}`, {
    method,
    headers: { authorization: `Bearer ${control.token}` },
    ...(body ? { body: JSON.stringify(body) } : {}),
  }).catch((cause: unknown) => {
    throw new UsageFault(`the agent (process ${control.pid}) does not answer at ${control.url}: ${cause}`)
  })
  const text = await response.text()
  if (!response.ok) throw new UsageFault(`the agent says ${response.status}: ${text.trim()}`)
  return StatusAnswer.parse(JSON.parse(text))
}

const units: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** Reads `90m`, `2h`, `1h30m`, `1.5h`. */
export function milliseconds(length: string): number {
  if (!/^(\d+(\.\d+)?[smhd])+$/.test(length))
    throw new UsageFault(`"${length}" is no length of time; write 30m, 2h, 1h30m or 1d`)
  let seconds = 0
  for (const [, number, unit] of length.matchAll(/(\d+(?:\.\d+)?)([smhd])/g))
    seconds += Number(number) * (units[unit ?? 's'] ?? 1)
  return seconds * 1000
}
