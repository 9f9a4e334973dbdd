import type { Db } from 'mongodb'
import { faultAtRest } from './final.ts'
import { meetings } from './meetings.ts'
import { moves as singly } from './moves.ts'
import { Random } from './random.ts'
import { recover } from './recover.ts'
import { World } from './world.ts'

export type Played = { seed: number; broken: string | null; trace: string[]; moves: number }

const moves = [...singly, ...meetings]
const mostMoves = 45
/** `isFlaky`: modules fail more often than not, and tasks are tried many times. */
type Temper = { weights: Record<string, number>; isFlaky: boolean }

/** Lives differ in what happens most: what is rare in one kind is common in another. */
const tempers: Temper[] = [
  { weights: {}, isFlaky: false },
  {
    isFlaky: false,
    weights: { batch: 4, claim: 3, 'claim twice': 3, upload: 3, uploaded: 4, outage: 0, silence: 0.3 },
  },
  {
    isFlaky: true,
    weights: {
      submit: 0.5,
      'report again': 5,
      'old news': 3,
      finish: 2,
      claim: 2,
      restart: 0.2,
      silence: 0.5,
    },
  },
  { weights: { meet: 5, tick: 0.5, outage: 0, silence: 0.2, pass: 2 }, isFlaky: false },
]

/** Plays one life of an installation, as the seed wants it. `broken` names the rule that did not hold. */
export async function play(db: Db, seed: number): Promise<Played> {
  await db.dropDatabase()
  const random = new Random(seed)
  const world = new World(db, random, seed)
  await world.prepare()
  const temper = random.pick(tempers)
  world.isFlaky = temper.isFlaky
  const steps = random.between(8, mostMoves)
  for (let step = 0; step < steps && !world.broken; step += 1) {
    if (random.chance(0.12)) crashSoon(world)
    const made = chooseMove(random, temper.weights).make(world)
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

function chooseMove(random: Random, weights: Record<string, number>) {
  const weightOf = ({ name, weight }: (typeof moves)[number]) => weight * (weights[name] ?? 1)
  let left = random.next() * moves.reduce((sum, move) => sum + weightOf(move), 0)
  const chosen = moves.find((move) => {
    left -= weightOf(move)
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
