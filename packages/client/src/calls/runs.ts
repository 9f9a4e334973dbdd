import type { Api, QueryAt } from '../api.ts'
import type { LogLine, Progress, Run, RunId, Task } from '../contract.gen.ts'
import { readEvents } from '../events.ts'
import { linesIn } from '../lines.ts'
import type { Page } from '../page.ts'

export const runCalls = ({ call, open }: Api) => ({
  run: async (id: RunId): Promise<Run> => (await call('GET /api/runs/{id}', { params: { id } })).run,
  listRuns: (query: QueryAt<'GET /api/runs'> = {}): Promise<Page<Run>> => call('GET /api/runs', { query }),
  /** Cancels the task of a run. */
  cancelRun: async (id: RunId): Promise<Task> =>
    (await call('DELETE /api/runs/{id}', { params: { id } })).task,
  runLog: async (id: RunId, query: QueryAt<'GET /api/runs/{id}/logs'> = {}): Promise<LogLine[]> =>
    linesIn(await open('GET /api/runs/{id}/logs', { params: { id }, query })),
  /** Lines and progress as they come, until the run has ended. */
  async *follow(id: RunId, signal?: AbortSignal): AsyncGenerator<{ line: LogLine } | { progress: Progress }> {
    const query = { follow: 1 }
    const { body } = await open('GET /api/runs/{id}/logs', { params: { id }, query, signal })
    if (!body) return
    for await (const event of readEvents(body)) {
      if (event.event === 'end') return
      if (event.event === 'log') yield { line: JSON.parse(event.data) }
      if (event.event === 'progress') yield { progress: JSON.parse(event.data) }
    }
  },
})
