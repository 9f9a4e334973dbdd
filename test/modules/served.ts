import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Json } from '@millrace/shared'
import { z } from 'zod'
import { Result, type Workshop } from './workshop.ts'

const Message = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('progress'), id: z.string(), percent: z.number(), message: z.string() }),
  z.object({ type: z.literal('log'), id: z.string(), line: z.string() }),
  z.object({ type: z.literal('done'), id: z.string(), result: Result }),
  z.object({ type: z.literal('failed'), id: z.string(), error: z.object({ message: z.string() }).loose() }),
])

export type Served = {
  /** What comes of one task: its last message. */
  run(inputs: Record<string, Json>): Promise<z.infer<typeof Message>>
  /** Asks it to end; the exit code. */
  end(): Promise<unknown>
}

/** A module in serve mode: loaded once, for many tasks. */
export async function serve(here: Workshop, module: string): Promise<Served> {
  const child = here.start(module, ['--mode', 'serve'])
  child.stderr.resume()
  const ended = once(child, 'close')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const heard = async () => Message.parse(JSON.parse((await lines.next()).value ?? 'null'))
  const ready = await heard()
  if (ready.type !== 'ready') throw new Error(`${module} began with ${ready.type}`)
  let tasks = 0
  return {
    async run(inputs) {
      const run = { type: 'run', id: `${tasks++}`, input_file: await here.inputFile(inputs) }
      child.stdin.write(`${JSON.stringify(run)}\n`)
      for (;;) {
        const message = await heard()
        if (message.type !== 'progress' && message.type !== 'log') return message
      }
    },
    async end() {
      child.stdin.end(`${JSON.stringify({ type: 'shutdown' })}\n`)
      const [code] = await ended
      return code
    },
  }
}
