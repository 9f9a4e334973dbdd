import { logStream, tokensPerModule, workStream, workSubject } from '@millrace/shared'
import {
  AckPolicy,
  DiscardPolicy,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'

const MiB = 1024 * 1024
const day = 24 * 3600 * 1000

/** Creates both streams if missing. They hold nothing that the API could not recreate from MongoDB. */
export async function ensureStreams(manager: JetStreamManager): Promise<void> {
  await ensureStream(manager, {
    name: workStream,
    subjects: ['work.*'],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    discard_new_per_subject: true,
    max_msgs_per_subject: tokensPerModule,
    max_bytes: 16 * MiB,
  })
  await ensureStream(manager, {
    name: logStream,
    subjects: ['log.>'],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: nanos(day),
    max_bytes: 1024 * MiB,
  })
}

async function ensureStream(
  manager: JetStreamManager,
  config: Parameters<JetStreamManager['streams']['add']>[0],
) {
  try {
    await manager.streams.info(config.name)
  } catch (error) {
    if (!isMissing(error)) throw error
    await manager.streams.add(config)
  }
}

/** One durable consumer per module: its name is the module's. */
export async function ensureConsumer(manager: JetStreamManager, module: string): Promise<void> {
  await manager.consumers.add(workStream, {
    durable_name: module,
    filter_subject: workSubject(module),
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(30_000),
    max_ack_pending: 1_000,
  })
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.name === 'StreamNotFoundError' || ('code' in error && error.code === 10059))
  )
}
