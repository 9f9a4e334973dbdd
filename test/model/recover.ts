import { isTerminal } from '@millrace/shared'
import { beat, claimOne, deliver, endUpload, finishOne, signInAgain, tickOnce } from './moves.ts'
import type { World } from './world.ts'

const rounds = 80

/** All processes are well again, and work until nothing is left to do. */
export async function recover(world: World): Promise<void> {
  while (await world.turns.play(1_000));
  world.processes.forEach((process, at) => {
    process.die()
    world.startProcess(at)
  })
  for (const agent of world.agents) await world.alone(signInAgain(world, agent))
  for (let round = 0; round < rounds && !world.broken; round += 1) {
    world.pass(round < 20 ? 4 : 12) // an unfinished batch is given up only after minutes
    await world.alone(tickOnce(world, 0))
    for (const id of world.uploads) await world.alone(endUpload(world, id as never, true))
    for (const agent of world.agents) {
      await world.alone(beat(world, agent))
      for (const run of [...agent.spool.keys()]) await world.alone(deliver(world, agent, run))
      await world.alone(claimOne(world, agent))
      for (const run of [...agent.held])
        await world.alone(finishOne(world, agent, run, { outcome: 'succeeded' }))
    }
    if (isQuiet(world)) return sweep(world)
  }
}

/** What a run that never came leaves behind goes with a sweep, which is rarely due. */
async function sweep(world: World): Promise<void> {
  world.pass(700)
  await world.alone(tickOnce(world, 0))
}

const isQuiet = ({ mirror, agents }: World): boolean =>
  [...mirror.tasks.values()].every((task) => isTerminal(task.status) && !task.settle) &&
  [...mirror.slots.values()].every(({ holders }) => holders.length === 0) &&
  [...mirror.batches.values()].every(
    ({ state }) => state !== 'committed' && state !== 'opened' && state !== 'staging',
  ) &&
  agents.every(({ held, spool }) => held.size === 0 && spool.size === 0)
