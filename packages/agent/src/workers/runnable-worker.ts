import { type Grant, type Json, parseRunId } from '@millrace/shared/for-agents'
import type { Definition } from './definition.ts'

/** A worker that can run for one of its task types. */
export type RunnableWorker = Definition & { cacheDir: string }

/** The program to start for an assignment, its folder, and the one object that it reads. */
export function launchWorker(
  { python, projectPath, call }: RunnableWorker,
  { run, task }: Grant,
  params: Json,
  workerId: string | null,
): { command: string; args: string[]; cwd: string; input: string } {
  const metadata = {
    priority: task?.priority ?? null,
    created_at: task?.createdAt ?? null,
    worker_id: workerId,
  }
  return {
    command: python,
    args: ['-m', call.module, call.function],
    cwd: projectPath,
    input: `${JSON.stringify({ id: parseRunId(run).task, type: call.type, params, metadata })}\n`,
  }
}
