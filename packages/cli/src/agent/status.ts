import { z } from 'zod'

export const StatusAnswer = z.object({
  agentId: z.string().nullable(),
  version: z.string(),
  pid: z.number(),
  url: z.string(),
  rest: z.array(
    z.object({ by: z.string(), kind: z.string(), note: z.string().nullable(), until: z.string().nullable() }),
  ),
  runs: z.array(z.string()),
  maxRuns: z.number(),
  clockOffsetSeconds: z.number().nullish().describe('null: not known; absent: an older agent'),
  warm: z.array(
    z.object({
      module: z.string(),
      state: z.string(),
      pid: z.number().nullable(),
      tasks: z.number(),
      gpu: z.string().nullable(),
    }),
  ),
  gpus: z.array(
    z.object({
      uuid: z.string(),
      name: z.string(),
      memoryTotal: z.number(),
      memoryUsed: z.number().nullable(),
      foreignBytes: z.number().nullish(),
      reserved: z.array(z.object({ module: z.string(), bytes: z.number() })),
    }),
  ),
})
export type Status = z.infer<typeof StatusAnswer>

const who: Record<string, string> = {
  operator: 'by its operators',
  owner: 'by its owner',
  schedule: 'by the clock',
  others: 'for other programs',
}

/** The status of an agent for people, in a few lines. */
export function describeStatus(status: Status): string {
  const { agentId, pid, url, runs, maxRuns, warm, gpus } = status
  return [
    `${agentId ?? 'not registered yet'}  process ${pid}, works for ${url}`,
    stateOf(status),
    `runs     ${runs.length} of ${maxRuns}${runs.map((run) => `\n         ${run}`).join('')}`,
    ...(warm.length > 0
      ? [
          `warm     ${warm.map(({ module, state, tasks }) => `${module} (${state}, ${tasks} done)`).join(', ')}`,
        ]
      : []),
    ...clockLine(status),
    ...gpus.map(
      (gpu) =>
        `GPU      ${gpu.name}: ${gib(gpu.memoryUsed ?? 0)} of ${gib(gpu.memoryTotal)} in use, ` +
        `${gib(gpu.foreignBytes ?? 0)} by other programs` +
        gpu.reserved.map(({ module, bytes }) => `\n         ${gib(bytes)} promised to ${module}`).join(''),
    ),
  ].join('\n')
}

/** Shown only for a large difference. */
function clockLine({ clockOffsetSeconds: seconds }: Status): string[] {
  if (!seconds || Math.abs(seconds) <= 2) return []
  const way = seconds > 0 ? 'ahead of' : 'behind'
  return [`clock    ${Math.abs(seconds).toFixed(1)} s ${way} the API's; let the system set it (NTP)`]
}

function stateOf({ rest }: Status): string {
  if (rest.length === 0) return 'state    working'
  const said = rest.map(({ by, kind, note, until }) => {
    const end = until ? ` until ${localTime(new Date(until))}` : ''
    return `${kind} ${who[by] ?? by}${end}${note ? ` (${note})` : ''}`
  })
  return `state    ${said.join('; ')}`
}

/** `2026-11-28 03:12` in local time, in a format without a locale. */
const localTime = (at: Date): string => at.toLocaleString('sv-SE', { dateStyle: 'short', timeStyle: 'short' })

const gib = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`
