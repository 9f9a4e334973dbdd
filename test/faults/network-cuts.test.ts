import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type ApiPorts, openPorts, readConfig } from '@millrace/api'
import { fromData, type Task } from '@millrace/client'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { ownDatabase } from '../support/api-in-process.ts'
import { type CutKind, cutKinds } from '../support/breakable.ts'
import { type CutRig, cutRig, taskEnded } from '../support/cut-rig.ts'
import { expectQuiet } from '../support/quiet.ts'
import { loadBytes, type Step, stepNames } from '../support/steps-of-a-task.ts'

/**
 * The network of an agent breaks at every step of a task, in every way in which networks break, with sessions of 2 s:
 * no task is lost, none is done twice, and the outputs of one run take effect.
 */

type Cut = { step: Step; kind: CutKind; seconds: number }
type Done = Cut & { tasks: Task[]; tookSeconds: number }

/** Shorter than a session, and longer. */
const outages = [0.3, 2.5, 1, 4]
const overHttp = stepNames.filter((step) => step !== 'token received')
const cutsAt = (steps: readonly Step[], rounds: number): Cut[] =>
  outages.slice(0, rounds).flatMap((seconds, round) =>
    steps.flatMap((step, s) =>
      cutKinds.map((kind, k) => ({
        step,
        kind,
        seconds: outages[(round + s + k) % outages.length] ?? seconds,
      })),
    ),
  )

/** `MILLRACE_CUT_ROUNDS=1` for a quick look. */
const rounds = Number(process.env.MILLRACE_CUT_ROUNDS ?? 3)
const cuts = { jetstream: cutsAt(stepNames, rounds), http: cutsAt(overHttp, 1) }
const rigsOver = { jetstream: 3, http: 1 }
const load = randomBytes(loadBytes)

let deps: ApiPorts
let rigs: { rig: CutRig; cuts: Cut[] }[]
const done: Done[] = []

beforeAll(async () => {
  const servers: Record<string, string> = inject('servers')
  const env = { ...servers, MONGODB_URL: ownDatabase(servers.MONGODB_URL ?? ''), LOG_LEVEL: 'warn' }
  deps = openPorts(readConfig(env), pino({ level: 'silent' }))
  rigs = []
  for (const queue of ['jetstream', 'http'] as const)
    for (let n = 0; n < rigsOver[queue]; n += 1)
      rigs.push({
        rig: await cutRig(`${queue}-${n}`, env, queue),
        // Kinds follow each other in threes, as rigs may: each rig gets some of all.
        cuts: cuts[queue].filter((_, at) => (at + Math.floor(at / cutKinds.length)) % rigsOver[queue] === n),
      })
  await rigs[0]?.rig.client.changeSettings({ maxRunningTasks: 50 })
})
afterAll(async () => {
  await Promise.all((rigs ?? []).map(({ rig }) => rig.close()))
  await deps?.bus.close()
  await deps?.store.close()
})

test('no task is lost or done twice, wherever the network breaks', async () => {
  await Promise.all(rigs.map(({ rig, cuts }) => breakAll(rig, cuts)))
  console.log(table())

  for (const { tasks, ...cut } of done)
    for (const task of tasks) expect(task, JSON.stringify(cut)).toMatchObject({ status: 'succeeded' })
  const ids = done.flatMap(({ tasks }) => tasks.map(({ id }) => id))
  await expectQuiet(deps.store, ids)
  await expectOutputsOfOneRun(ids)
  const wanted = cuts.jetstream.length + cuts.http.length
  expect(done.length).toBe(wanted)
  if (rounds >= 3) expect(wanted).toBeGreaterThanOrEqual(200)
  for (const step of stepNames)
    for (const kind of cutKinds)
      expect(done.filter((cut) => cut.step === step && cut.kind === kind).length).toBeGreaterThanOrEqual(
        rounds,
      )
}, 1_200_000)

/** One cut after the other, now at the one agent, now at the other. */
async function breakAll(rig: CutRig, all: Cut[]): Promise<void> {
  const { id: item } = await rig.client.upload({
    name: 'load.bin',
    contentType: 'application/octet-stream',
    bytes: Uint8Array.from(load),
  })
  for (const [n, cut] of all.entries()) {
    const began = Date.now()
    const armed = rig.arm(n, cut.step, cut.kind)
    const tasks: Task['id'][] = []
    // The other agent may be faster: another task, then.
    while (!armed.isHit()) {
      const { id } = await rig.client.createTask({ module: rig.module, inputs: { load: fromData(item) } })
      tasks.push(id)
      await Promise.race([armed.hit, taskEnded(rig.client, id, 90)])
    }
    await pause(cut.seconds * 1000)
    armed.mend()
    const ended = await Promise.all(tasks.map((id) => taskEnded(rig.client, id, 90)))
    done.push({ ...cut, tasks: ended, tookSeconds: (Date.now() - began) / 1000 })
  }
}

async function expectOutputsOfOneRun(ids: readonly Task['id'][]): Promise<void> {
  const sha256 = createHash('sha256').update(load).digest('hex')
  for (const task of await deps.store.tasks.many(ids)) {
    const item = await deps.store.data.get(task.outputs.load?.data ?? 'dat_')
    expect(item).toMatchObject({ status: 'available', size: loadBytes, sha256 })
    const [run] = await deps.store.runs.find({ task: task._id, status: 'succeeded' }, { limit: 2 })
    expect(run?._id).toBe(task.currentRun)
    expect(item?.object).toBe(`runs/${run?._id.replace('.', '/')}/load/0`)
    expect(task.losses, `losses of ${task._id}`).toBeLessThan(3)
  }
}

/** What was cut how often, how many of its tasks needed another attempt, and how long the longest took. */
function table(): string {
  const rows = stepNames.map((step) => {
    const cells = cutKinds.map((kind) => {
      const here = done.filter((cut) => cut.step === step && cut.kind === kind)
      const again = here.filter(({ tasks }) => tasks.some(({ attempt }) => attempt > 1)).length
      const longest = Math.max(0, ...here.map(({ tookSeconds }) => tookSeconds))
      return `${here.length} cuts, ${again} again, ≤ ${longest.toFixed(0)} s`.padEnd(26)
    })
    return `${step.padEnd(20)}${cells.join('')}`
  })
  return [`${''.padEnd(20)}${cutKinds.map((kind) => kind.padEnd(26)).join('')}`, ...rows].join('\n')
}
