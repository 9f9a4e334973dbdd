import type { MongoClient } from 'mongodb'
import { faultAtRest } from './final.ts'
import { moves } from './moves.ts'
import { Random } from './random.ts'
import { recover } from './recover.ts'
import { World } from './world.ts'

export type Played = { seed: number; broken: string | null; trace: string[]; moves: number }

const mostMoves = 45
const totalWeight = moves.reduce((sum, move) => sum + move.weight, 0)

/** Plays one life of an installation, as the seed wants it. `broken` names the rule that did not hold. */
export async function play(client: MongoClient, seed: number): Promise<Played> {
  const db = client.db(`model-${process.pid}-${seed}`)
  await db.dropDatabase()
  const random = new Random(seed)
  const world = new World(db, random, seed)
  await world.prepare()
  const steps = random.between(8, mostMoves)
  for (let step = 0; step < steps && !world.broken; step += 1) {
    if (random.chance(0.12)) crashSoon(world)
    const made = chooseMove(random).make(world)
    made.catch((error) => world.fault(`the model itself failed: ${error?.stack}`))
    // Sometimes all that was begun comes to its end, sometimes the next move comes in between.
    await world.turns.play(random.chance(0.25) ? 1_000 : random.between(0, 20))
    revive(world)
  }
  if (!world.broken) await recover(world)
  if (!world.broken) world.broken = await faultAtRest(world, db)
  for (const process of world.processes) process.die()
  await db.dropDatabase()
  return { seed, broken: world.broken, trace: world.trace, moves: steps }
}

function chooseMove(random: Random) {
  let left = random.next() * totalWeight
  const chosen = moves.find(({ weight }) => {
    left -= weight
    return left < 0
  })
  return chosen ?? random.pick(moves)
}

/** One of the processes will die within its next writes. */
function crashSoon(world: World): void {
  const at = world.random.between(0, world.processes.length - 1)
  const process = world.process(at)
  if (Number.isFinite(process.writesLeft)) return
  process.writesLeft = world.random.between(0, 8)
  world.note(`process ${at} dies after ${process.writesLeft} writes`)
}

function revive(world: World): void {
  world.processes.forEach((process, at) => {
    if (!process.isDead) return
    world.note(`process ${at} is dead; another takes its place`)
    world.startProcess(at)
  })
}
