/**
 * Ends the parent's processes when the parent dies, even by SIGKILL: only the parent holds the other end of standard
 * input, which closes with it. Lines: `+ <order> <patience> <pid> <start>` and `- <pid>`.
 */
import { createInterface } from 'node:readline'
import type { ProcessIdentity } from '@millrace/std/process'
import { end } from './end.ts'

type Watched = ProcessIdentity & { order: number; patienceMs: number }
const watched = new Map<number, Watched>()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)

for await (const line of createInterface({ input: process.stdin })) {
  const [sign, ...rest] = line.split(' ')
  if (sign === '+') {
    const [order, patience, pid, ...started] = rest
    watched.set(Number(pid), {
      order: Number(order),
      patienceMs: Number(patience),
      pid: Number(pid),
      started: started.join(' '),
    })
  } else {
    watched.delete(Number(rest[0]))
  }
}

const orders = [...new Set([...watched.values()].map(({ order }) => order))].sort((a, b) => a - b)
for (const order of orders) {
  const together = [...watched.values()].filter((one) => one.order === order)
  await Promise.all(together.map((one) => end(one, one)))
}
process.exit(0)
