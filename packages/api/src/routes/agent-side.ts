import {
  ClaimAnswer,
  ClaimRequest,
  FinishAnswer,
  FinishRequest,
  HeartbeatAnswer,
  HeartbeatRequest,
  InstallLogRequest,
  InventoryAnswer,
  InventoryRequest,
  type LogBatch,
  logOutput,
  ModuleName,
  moduleEvent,
  type OutputFile,
  OutputsAnswer,
  OutputsRequest,
  RegisterAnswer,
  RegisterRequest,
  RunId,
  RunLogsRequest,
} from '@millrace/shared'
import type { ApiPorts } from '../api-ports.ts'
import { Failure } from '../failure.ts'
import { type Endpoint, endpoint, pathId } from '../http/endpoint.ts'
import type { Ctx } from '../http/env.ts'
import { longPollClaim } from '../http/long-poll-claim.ts'
import { runObjectKey } from '../objects/keys.ts'
import { heartbeat } from '../operations/agents/heartbeat.ts'
import type { AgentPorts } from '../operations/agents/ports.ts'
import { register } from '../operations/agents/register.ts'
import { agentOf } from '../operations/agents/session.ts'
import { claim } from '../operations/claim.ts'
import { inBatches, refuseLongLine } from '../operations/events/log-batches.ts'
import { type FinishPorts, finish } from '../operations/finish.ts'
import { appendInstallLog } from '../operations/modules/install-log.ts'
import { reportModules } from '../operations/modules/report-modules.ts'
import { refuseUnserved } from '../operations/modules/served.ts'
import type { Ports } from '../ports.ts'
import type { TaskDoc } from '../store/documents/task.ts'

/** What agents call. Every request is safe to send twice. */
export const agentSideEndpoints = (ports: ApiPorts): Endpoint[] => [
  ...sessionEndpoints(ports),
  ...workEndpoints(ports),
]

const tag = 'Agent side'
const scope = 'agent'

const sessionEndpoints = (ports: AgentPorts): Endpoint[] => [
  endpoint({
    method: 'post',
    path: '/agent/v1/register',
    scope,
    tag,
    summary: 'Begin a session',
    body: RegisterRequest,
    bodyLimit: 'value',
    answers: { 200: { description: 'The session', schema: RegisterAnswer } },
    async handle(c, { body }) {
      c.var.budget.take('registrations')
      return c.json(await register(ports, c.var.principal, c.var.ids, body))
    },
  }),
  endpoint({
    method: 'post',
    path: '/agent/v1/heartbeat',
    scope,
    tag,
    summary: 'Say that the agent lives, and which runs it holds',
    body: HeartbeatRequest,
    bodyLimit: 'value',
    answers: { 200: { description: 'What to do with each run', schema: HeartbeatAnswer } },
    async handle(c, { body }) {
      return c.json(await heartbeat(ports, await agentOf(ports, c.var.principal.id, body.sessionId), body))
    },
  }),
  endpoint({
    method: 'put',
    path: '/agent/v1/modules',
    scope,
    tag,
    summary: 'Report which modules the agent has and how each stands',
    body: InventoryRequest,
    bodyLimit: 'bulk',
    answers: { 200: { description: 'Which are enabled', schema: InventoryAnswer } },
    async handle(c, { body }) {
      const agent = await agentOf(ports, c.var.principal.id, body.sessionId)
      return c.json(await reportModules(ports, agent, c.var.principal.serves, body.modules))
    },
  }),
  endpoint({
    method: 'post',
    path: '/agent/v1/modules/:id/install-log',
    scope,
    tag,
    summary: 'Lines of an installation, set-up or test',
    body: InstallLogRequest,
    bodyLimit: 'bulk',
    answers: { 204: { description: 'Kept' } },
    async handle(c, { body }) {
      const agent = await agentOf(ports, c.var.principal.id, body.sessionId)
      const module = pathId(c, ModuleName, 'module')
      refuseUnserved(c.var.principal.serves, module)
      for (const line of body.lines) refuseLongLine(line)
      await appendInstallLog(ports, { agent: agent._id, module, digest: body.digest }, body.lines)
      ports.bus.announce(moduleEvent(module))
      return c.body(null, 204)
    },
  }),
]

const workEndpoints = (ports: FinishPorts): Endpoint[] => [
  endpoint({
    method: 'post',
    path: '/agent/v1/claim',
    scope,
    tag,
    summary: 'Take the best ready task',
    body: ClaimRequest,
    bodyLimit: 'value',
    answers: {
      200: { description: 'A grant, or what to keep room for', schema: ClaimAnswer },
      204: { description: 'There is nothing' },
    },
    async handle(c, { body }) {
      const answer = await longPollClaim(
        ports,
        {
          agent: () => agentOf(ports, c.var.principal.id, body.sessionId),
          modules: body.offers.map((offer) => offer.module),
          seconds: body.wait,
          gone: () => c.req.raw.signal,
        },
        (asking) => claim(ports, asking, body),
      )
      return answer ? c.json(answer) : c.body(null, 204)
    },
  }),
  endpoint({
    method: 'post',
    path: '/agent/v1/runs/:id/outputs',
    scope,
    tag,
    summary: 'Presigned PUTs for files of a run',
    body: OutputsRequest,
    bodyLimit: 'value',
    answers: { 200: { description: 'The URLs', schema: OutputsAnswer } },
    async handle(c, { body }) {
      const { run, task } = await ownRun(ports, c, body.sessionId)
      refuseOtherOutputs(task, body.files)
      const uploads = await Promise.all(
        body.files.map(async ({ output, n, size, contentType, sha256 }) => {
          const { url, headers, expiresAt } = await ports.objects.presignPut(runObjectKey(run, output, n), {
            size,
            contentType,
            sha256,
          })
          return { output, n, method: 'PUT' as const, url, headers, expiresAt: expiresAt.toISOString() }
        }),
      )
      return c.json({ uploads })
    },
  }),
  endpoint({
    method: 'post',
    path: '/agent/v1/runs/:id/logs',
    scope,
    tag,
    summary: 'Lines of a run, for networks without NATS',
    body: RunLogsRequest,
    bodyLimit: 'bulk',
    answers: { 204: { description: 'Published' } },
    async handle(c, { body }) {
      const { agent, run } = await ownRun(ports, c, body.sessionId)
      const { lines, progress } = body
      for (const some of inBatches(lines)) {
        const from = some[0]?.n ?? body.from ?? 1
        const batch: LogBatch = { v: 1, from, lines: some, progress, instance: agent.instanceId }
        await ports.bus.publishLog(agent._id, run, batch)
      }
      return c.body(null, 204)
    },
  }),
  endpoint({
    method: 'post',
    path: '/agent/v1/runs/:id/finish',
    scope,
    tag,
    summary: 'Report how a run ended',
    body: FinishRequest,
    bodyLimit: 'bulk',
    answers: { 200: { description: 'Applied, or stale', schema: FinishAnswer } },
    async handle(c, { body }) {
      const agent = agentOf(ports, c.var.principal.id, body.sessionId)
      return c.json(await finish(ports, agent, pathId(c, RunId, 'run'), body))
    },
  }),
]

/** Only files and lines of a run that this agent was given may be written. */
async function ownRun(ports: Ports, c: Ctx, sessionId: Parameters<typeof agentOf>[2]) {
  const agent = await agentOf(ports, c.var.principal.id, sessionId)
  const id = pathId(c, RunId, 'run')
  const run = await ports.store.runs.get(id)
  const task = run && (await ports.store.tasks.get(run.task))
  if (task && (run.agentId === agent._id || task.agentId === agent._id)) return { agent, run: id, task }
  throw new Failure('not_found', 'There is no such run of this agent.')
}

/** What is no output of the task could never be reported, and would lie in the store all the same. */
function refuseOtherOutputs(task: TaskDoc, files: readonly OutputFile[]): void {
  const errors = files.flatMap(({ output, n }, at) =>
    Object.hasOwn(task.outputs, output) || (output === logOutput && n === 0)
      ? []
      : [{ path: `/files/${at}/output`, message: 'is not an output of this task' }],
  )
  if (errors.length > 0)
    throw new Failure(
      'invalid_request',
      `The task has the outputs ${Object.keys(task.outputs).join(', ') || 'none'}, and ${logOutput} for its log.`,
      { errors },
    )
}
