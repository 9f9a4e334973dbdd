import {
  type CreateTask,
  type DataType,
  dataTypesOf,
  type Manifest,
  type Port,
  type TaskId,
} from '@millrace/shared'
import type { TaskDoc } from '../../store/documents/task.ts'
import { timeOf } from '../../time-in-id.ts'
import type { Caller } from '../access/caller.ts'
import { readBy } from '../inputs/reads.ts'
import type { StoredInputs } from '../inputs/resolve.ts'

type Maker = Pick<Caller, 'apiKey' | 'grant' | 'requestId' | 'ids'>
export type Checked = { id: TaskId; wanted: CreateTask; manifest: Manifest; inputs: StoredInputs }

/** A task at its submit, with all its ids. */
export function newTask(
  caller: Maker,
  { id, wanted, manifest, inputs }: Checked,
  now: Date,
  marker: TaskDoc['settle'] = { kind: 'admit' },
): TaskDoc {
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
          format: port.format ?? null,
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
    webhook: wanted.webhook ?? null,
    status: 'blocked',
    attempt: 1,
    round: 1,
    failures: 0,
    losses: 0,
    currentRun: null,
    place: 0,
    entry: null,
    lostRun: null,
    alone: false,
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
    settle: marker,
    history: [{ status: 'blocked', attempt: 1, at: now }],
    cancelRequestedAt: null,
    createdAt: timeOf(id),
    queuedAt: null,
    startedAt: null,
    finishedAt: null,
    updatedAt: now,
  }
}

const attemptsUnlessSaid = 3

const outputType = (port: Port): DataType => dataTypesOf(port)[0] ?? 'file'
