import { parseRunId, type TaskId } from '@millrace/shared'
import {
  anyReport,
  cancelOne,
  claimOne,
  finishOne,
  type Move,
  reportAgain,
  restart,
  retryOne,
  submitOne,
  tasksOf,
  tickOnce,
} from './moves.ts'
import type { Agent, World } from './world.ts'

/** What several people, agents and ticks may do to one task, or to what waits for it. */
const acts: ((world: World, id: TaskId) => Promise<unknown>)[] = [
  (world, id) => submitOne(world, id),
  cancelOne,
  retryOne,
  (world) => Promise.all(world.agents.map((agent) => askOften(world, agent))),
  (world) => tickOnce(world, world.random.between(0, 1)),
  endItsRun,
  endItsRun,
]

/** What is rarely met by chance is met here all the time. */
export const meetings: Move[] = [
  {
    // Two things at once, of one task.
    name: 'meet',
    weight: 12,
    async make(world) {
      const held = world.agents.flatMap((agent) => [...agent.held])
      const running = tasksOf(world).filter((id) => held.some((run) => parseRunId(run).task === id))
      const all = running.length > 0 && world.random.chance(0.7) ? running : tasksOf(world)
      if (all.length === 0) return
      const id = world.random.pick(all)
      const [one, other] = [world.random.pick(acts), world.random.pick(acts)]
      await Promise.all([one(world, id), other(world, id)])
    },
  },
  {
    // What is handed back comes round again, and at the third time the news of the first.
    name: 'old news',
    weight: 3,
    async make(world) {
      const agent = world.random.pick(world.agents)
      for (let round = 0; round < 2; round += 1) {
        for (const run of [...agent.held]) await finishOne(world, agent, run, { outcome: 'handed_back' })
        await claimOne(world, agent)
      }
      const running = new Set([...agent.held].map((run) => parseRunId(run).task))
      await reportAgain(
        world,
        agent,
        agent.told.filter(([run]) => running.has(parseRunId(run).task)),
      )
    },
  },
]

/** So that one comes while the other is in the middle of something. */
async function askOften(world: World, agent: Agent): Promise<void> {
  for (let left = world.random.between(1, 6); left > 0; left -= 1) await claimOne(world, agent)
}

async function endItsRun(world: World, id: TaskId): Promise<void> {
  for (const agent of world.agents) {
    const run = [...agent.held].find((one) => parseRunId(one).task === id)
    if (!run) continue
    if (world.random.chance(0.1)) await restart(world, agent)
    else await finishOne(world, agent, run, anyReport(world))
    return
  }
}
