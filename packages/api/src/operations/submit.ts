import {
  type CreateTask,
  type DataType,
  dataTypesOf,
  type GrantId,
  Manifest,
  type Port,
  type TaskId,
} from '@millrace/shared'
import type { Deps } from '../deps.ts'
import { Failure } from '../failure.ts'
import type { NewIds } from '../ids.ts'
import { pointer } from '../pointer.ts'
import type { GrantDoc } from '../store/documents/access.ts'
import type { ModuleDoc } from '../store/documents/module.ts'
import type { TaskDoc } from '../store/documents/task.ts'
import { readBy } from './inputs/reads.ts'
import { type Fault, referencesOf, resolveInputs, type StoredInputs } from './inputs/resolve.ts'
import { findModule } from './modules/find-module.ts'
import { compareVersions } from './modules/versions.ts'
import { settle } from './settle.ts'
import { refuseForeignModule, takeTask } from './under-grant.ts'

/** `repeated`: an earlier request may have made the same already. `replayed`: it has, for certain. */
export type Caller = {
  apiKey: string
  grant: GrantDoc | null
  requestId: string
  ids: NewIds
  repeated: boolean
  replayed: boolean
}

/** Accepts a task: its insert is the commit point, everything after it can be carried on by anybody. */
export async function submit(deps: Deps, caller: Caller, wanted: CreateTask): Promise<TaskDoc> {
  const id = caller.ids.task()
  // Made by an earlier try: what it needed then may be gone by now, and need not be there any more.
  const made = caller.repeated ? await deps.store.tasks.get(id) : null
  if (made) return settle(deps, made)
  refuseForeignModule(caller.grant, wanted.module)
  const manifest = await manifestFor(deps, wanted)
  const inputs = await checkInputs(deps, caller, manifest, wanted)
  checkOutputs(manifest, wanted)
  await takeTask(deps, caller.grant, id)
  const task = newTask(deps, caller, id, wanted, manifest, inputs)
  if (!(await deps.store.tasks.insert(task))) return (await deps.store.tasks.get(task._id)) ?? task
  deps.reached('submit.inserted')
  return settle(deps, task)
}

async function manifestFor(deps: Deps, wanted: CreateTask): Promise<Manifest> {
  const module = await findModule(deps, wanted.module)
  const manifest = module && bestManifest(module, wanted.version)
  if (manifest) return manifest
  const name = wanted.version ? `${wanted.module}@${wanted.version}` : wanted.module
  throw new Failure(
    'module_not_found',
    `No agent has reported a module ${name}. GET /api/modules lists what there is.`,
    {
      errors: [{ path: module ? '/version' : '/module', message: `there is no module ${name}` }],
    },
  )
}

/** The newest AVAILABLE version, or the newest that was ever readable. */
export function bestManifest(module: ModuleDoc, version?: string): Manifest | null {
  const readable = module.entries.flatMap((entry) => {
    const parsed = entry.manifest === null ? undefined : Manifest.safeParse(JSON.parse(entry.manifest)).data
    return parsed && (!version || parsed.version === version)
      ? [{ manifest: parsed, available: entry.status === 'AVAILABLE' }]
      : []
  })
  const pool = readable.some((one) => one.available) ? readable.filter((one) => one.available) : readable
  return pool.map((one) => one.manifest).sort((a, b) => compareVersions(b.version, a.version))[0] ?? null
}

async function checkInputs(
  deps: Deps,
  { grant }: Caller,
  manifest: Manifest,
  wanted: CreateTask,
): Promise<StoredInputs> {
  const mayUse = (doc: { grant: GrantId | null }) => grant === null || doc.grant === grant._id
  const references = referencesOf(wanted.inputs)
  const named = await deps.store.tasks.many([...new Set([...references.tasks, ...wanted.after])])
  const upstreams = named.filter(mayUse)
  const outputs = upstreams.flatMap((task) => Object.values(task.outputs).map((output) => output.data))
  const items = await deps.store.data.many([...new Set([...references.data, ...outputs])])
  const found = {
    data: new Map(items.filter(mayUse).map((item) => [item._id, item])),
    tasks: new Map(upstreams.map((task) => [task._id, task])),
  }
  const { inputs, faults } = resolveInputs(manifest, wanted.inputs, found)
  wanted.after.forEach((id, at) => {
    if (!found.tasks.has(id))
      faults.push({ kind: 'invalid', path: `/after/${at}`, message: 'there is no such task' })
  })
  if (faults.length > 0) throw inputFailure(manifest.name, faults)
  return inputs
}

function inputFailure(module: string, faults: Fault[]): Failure {
  const errors = faults.map(({ path, message }) => ({ path, message }))
  const detail = errors.map(({ path, message }) => `${path} ${message}`).join('; ')
  if (faults.some((fault) => fault.kind === 'invalid'))
    return new Failure('invalid_request', `The inputs do not fit ${module}: ${detail}.`, { errors })
  const code = faults.some((fault) => fault.kind === 'ambiguous') ? 'ambiguous_input' : 'data_not_available'
  return new Failure(code, `${detail}.`, { errors })
}

function checkOutputs(manifest: Manifest, wanted: CreateTask): void {
  const unknown = Object.keys(wanted.outputs).filter(
    (key) => !manifest.outputs.some((port) => port.key === key),
  )
  if (unknown.length === 0) return
  const errors = unknown.map((key) => ({
    path: pointer(['outputs', key]),
    message: `is not an output of ${manifest.name}`,
  }))
  throw new Failure('invalid_request', `${manifest.name} has no output ${unknown.join(', ')}.`, { errors })
}

function newTask(
  deps: Deps,
  caller: Caller,
  id: TaskId,
  wanted: CreateTask,
  manifest: Manifest,
  inputs: StoredInputs,
): TaskDoc {
  const now = deps.clock.now()
  const label = wanted.label || manifest.name
  return {
    _id: id,
    rev: 1,
    apiKey: caller.apiKey,
    grant: caller.grant?._id ?? null,
    requestId: caller.requestId,
    label,
    module: manifest.name,
    version: wanted.version ?? null,
    checkedAgainst: manifest.version,
    priority: wanted.priority,
    inputs,
    reads: readBy(inputs),
    outputs: Object.fromEntries(
      manifest.outputs.map((port) => [
        port.key,
        {
          data: caller.ids.data(),
          type: outputType(port),
          isFile: port.type === 'file' && !port.multiple,
          label: wanted.outputs[port.key]?.label ?? `${label} · ${port.key}`.slice(0, 200),
          tags: wanted.outputs[port.key]?.tags ?? [],
        },
      ]),
    ),
    optionalOutputs: manifest.outputs.filter((port) => !port.required).map((port) => port.key),
    after: wanted.after,
    onUpstreamFailure: wanted.onUpstreamFailure,
    maxAttempts: wanted.maxAttempts ?? manifest.maxAttempts ?? attemptsUnlessSaid,
    backoff: wanted.backoff,
    timeoutSeconds: wanted.timeoutSeconds ?? manifest.timeoutSeconds,
    notBefore: wanted.notBefore ? new Date(wanted.notBefore) : null,
    concurrencyKey: wanted.concurrencyKey ?? null,
    concurrencyLimit: wanted.concurrencyKey ? (wanted.concurrencyLimit ?? 1) : null,
    tags: wanted.tags,
    status: 'blocked',
    attempt: 1,
    round: 1,
    failures: 0,
    losses: 0,
    currentRun: null,
    lostRun: null,
    retries: [],
    appliedRun: null,
    claimId: null,
    sessionId: null,
    agentId: null,
    ranVersion: null,
    ranDigest: null,
    waitingFor: [],
    result: null,
    error: null,
    settle: { kind: 'admit' },
    history: [{ status: 'blocked', attempt: 1, at: now }],
    cancelRequestedAt: null,
    createdAt: now,
    queuedAt: null,
    startedAt: null,
    finishedAt: null,
    updatedAt: now,
  }
}

const attemptsUnlessSaid = 3

const outputType = (port: Port): DataType => dataTypesOf(port)[0] ?? 'file'
