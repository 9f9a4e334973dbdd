import { Worker } from 'node:worker_threads'

/** Asks /healthz every few milliseconds, from a thread that nothing else keeps waiting. */
export async function watchHealth(url: string) {
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
    const { Agent, get } = require('node:http')
    const agent = new Agent({ keepAlive: true })
    let slowest = 0
    const ask = () => {
      const start = performance.now()
      const done = () => {
        slowest = Math.max(slowest, performance.now() - start)
        setTimeout(ask, 4)
      }
      get(workerData + '/healthz', { agent }, (answer) => answer.resume().on('end', done)).on('error', done)
    }
    ask()
    parentPort.on('message', () => {
      parentPort.postMessage(slowest)
      slowest = 0
    })`,
    { eval: true, workerData: url },
  )
  const slowest = (): Promise<number> => {
    worker.postMessage('')
    return new Promise((done) => worker.once('message', done))
  }
  return {
    /** The longest that anybody waited for /healthz while this went on. */
    async during(act: () => Promise<void>): Promise<number> {
      await slowest()
      await act()
      // The question that is on its way counts too.
      await new Promise((done) => setTimeout(done, 20))
      return slowest()
    },
    close: () => worker.terminate(),
  }
}
