import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export type Bullmq = { run(inputs: object): Promise<unknown>; stop(): Promise<void> }

/**
 * BullMQ over a separate Redis that writes every change to disk before it answers, and one worker with a warm Python;
 * `null` without a redis-server. It uses no HTTP and verifies nothing, so it is no peer, but people know it.
 */
export async function startBullmq(module: { python: string; path: string }): Promise<Bullmq | null> {
  const home = await mkdtemp(join(tmpdir(), 'millrace-bullmq-'))
  const port = await freePort()
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', home]
  const redis = spawn('redis-server', [...settings, '--appendonly', 'yes', '--appendfsync', 'always'], {
    stdio: 'ignore',
  })
  if (!(await started(redis))) return null
  const { Queue, QueueEvents, Worker } = await import('bullmq')
  const { Redis } = await import('ioredis')
  const client = () => new Redis({ port, maxRetriesPerRequest: null })
  const [forWorker, forQueue, forEvents] = [client(), client(), client()]
  const python = spawn(module.python, [join(module.path, 'main.py'), '--mode', 'serve'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]()
  await lines.next()
  const worker = new Worker(
    'bench',
    async (job) => {
      const input = join(home, `${job.id}.json`)
      await writeFile(input, JSON.stringify({ inputs: job.data, output_dir: home }))
      python.stdin.write(`${JSON.stringify({ type: 'run', id: job.id, input_file: input })}\n`)
      const { value } = await lines.next()
      return JSON.parse(String(value)).result.outputs
    },
    { connection: forWorker },
  )
  const queue = new Queue('bench', { connection: forQueue })
  const events = new QueueEvents('bench', { connection: forEvents })
  await Promise.all([worker.waitUntilReady(), events.waitUntilReady()])
  return {
    async run(inputs) {
      const job = await queue.add('text-stats', inputs)
      return job.waitUntilFinished(events)
    },
    async stop() {
      await Promise.all([worker.close(), queue.close(), events.close()])
      for (const one of [forWorker, forQueue, forEvents]) one.disconnect()
      const ended = Promise.all([once(python, 'exit'), once(redis, 'exit')])
      python.stdin.end()
      redis.kill('SIGTERM')
      await ended
      await rm(home, { recursive: true, force: true })
    },
  }
}

async function started(program: ReturnType<typeof spawn>): Promise<boolean> {
  const failed = once(program, 'error').then(() => false)
  return Promise.race([once(program, 'spawn').then(() => true), failed])
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (typeof address !== 'object' || address === null) throw new Error('no free port')
  return address.port
}
