import {
  contract,
  type LogBatch,
  logOutput,
  moduleEvent,
  type OutputFile,
  type RunId,
} from '@millrace/shared'
import type { ApiPorts } from '../api-ports.ts'
import { Failure } from '../failure.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
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
import type { AgentDoc } from '../store/documents/agent.ts'
import type { TaskDoc } from '../store/documents/task.ts'

/** The calls of agents. Every request is safe to send twice. */
export const agentSideEndpoints = (ports: ApiPorts): Endpoint[] => [
  ...sessionEndpoints(ports),
  ...workEndpoints(ports),
]

const sessionEndpoints = (ports: AgentPorts): Endpoint[] => [
  endpoint(contract.register, async (c, { body }) => {
    c.var.budget.take('registrations')
    return c.json(await register(ports, c.var.principal, c.var.ids, body))
  }),
  endpoint(contract.heartbeat, async (c, { body }) => {
    return c.json(await heartbeat(ports, await agentOf(ports, c.var.principal.id, body.sessionId), body))
  }),
  endpoint(contract.reportModules, async (c, { body }) => {
    const agent = await agentOf(ports, c.var.principal.id, body.sessionId)
    return c.json(await reportModules(ports, agent, c.var.principal.serves, body.modules))
  }),
  endpoint(contract.appendInstallLog, async (c, { params: { name: module }, body }) => {
    const agent = await agentOf(ports, c.var.principal.id, body.sessionId)
    refuseUnserved(c.var.principal.serves, module)
    for (const line of body.lines) refuseLongLine(line)
    await appendInstallLog(ports, { agent: agent._id, module, digest: body.digest }, body.lines)
    ports.bus.announce(moduleEvent(module))
    return c.body(null, 204)
  }),
]

const workEndpoints = (ports: FinishPorts): Endpoint[] => [
  endpoint(contract.claim, async (c, { body }) => {
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
  }),
  endpoint(contract.createOutputUrls, async (c, { params: { id: run }, body }) => {
    const agent = await agentOf(ports, c.var.principal.id, body.sessionId)
    const task = await taskOfOwn(ports, agent, run)
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
  }),
  endpoint(contract.appendRunLog, async (c, { params: { id: run }, body }) => {
    const agent = await agentOf(ports, c.var.principal.id, body.sessionId)
    await taskOfOwn(ports, agent, run)
    const { lines, progress } = body
    for (const some of inBatches(lines)) {
      const from = some[0]?.n ?? body.from ?? 1
      const batch: LogBatch = { v: 1, from, lines: some, progress, instance: agent.instanceId }
      await ports.bus.publishLog(agent._id, run, batch)
    }
    return c.body(null, 204)
  }),
  endpoint(contract.finishRun, async (c, { params, body }) => {
    const agent = agentOf(ports, c.var.principal.id, body.sessionId)
    return c.json(await finish(ports, agent, params.id, body))
  }),
]

/** An agent may write files and lines only of runs that it claimed. */
async function taskOfOwn(ports: Ports, agent: AgentDoc, id: RunId): Promise<TaskDoc> {
  const run = await ports.store.runs.get(id)
  const task = run && (await ports.store.tasks.get(run.task))
  if (task && (run.agentId === agent._id || task.agentId === agent._id)) return task
  throw new Failure('not_found', 'This agent has no such run.')
}

/** Rejects files that are no outputs of the task: no report could name them, and they would only fill the store. */
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
