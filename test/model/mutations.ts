/**
 * Bugs that a tired person might write, as changes of the real source: the model has to find each of them. `find` must
 * stand exactly once in its file, so that none of these quietly stops being one.
 */
export type Mutation = {
  name: string
  breaks: string
  /** It takes hundreds of lives until the one comes in which it matters. */
  isRare?: true
  patches: { file: string; find: string; replace: string }[]
}

const operations = 'packages/api/src/operations'
const one = (file: string, find: string, replace: string) => [
  { file: `${operations}/${file}`, find, replace },
]

export const mutations: Mutation[] = [
  {
    name: 'no run check on finish',
    breaks: 'a report of an earlier run counts for the present one',
    patches: [
      ...one(
        'task/transitions.ts',
        "task.status === 'running' && task.currentRun === run\n",
        "task.status === 'running'\n",
      ),
    ],
  },
  {
    name: 'no second look in admit',
    isRare: true,
    breaks: 'what ended between the look and the write is never seen',
    patches: one(
      'settle/admit.ts',
      "const settle = isNew ? { kind: 'admit' as const } : null",
      'const settle = null',
    ),
  },
  {
    name: 'a second look that dies with its process',
    isRare: true,
    breaks: 'the same, where the process dies between the write and the look',
    patches: [
      ...one(
        'settle/admit.ts',
        "const settle = isNew ? { kind: 'admit' as const } : null",
        'const settle = null',
      ),
      ...one(
        'settle/admit.ts',
        "if (decision.kind !== 'wait' || task.settle === null) return task",
        "if (decision.kind !== 'wait') return task",
      ),
    ],
  },
  {
    name: 'a retry does not touch a task that is just being skipped',
    isRare: true,
    breaks: 'a task stays skipped when what it wants is tried again in that moment',
    patches: [
      ...one(
        'task/fresh-round.ts',
        'return task.settle ? { ...task, updatedAt: now } : freshRound(task, now)',
        'return task.settle ? null : freshRound(task, now)',
      ),
      ...one('settle/finalize.ts', "if (task.status !== 'skipped')", "if (task.status !== 'blocked')"),
    ],
  },
  {
    name: 'a requeue without its marker',
    breaks: 'the run before never gives its place back',
    patches: one(
      'task/transitions.ts',
      "settle: { kind: 'requeue', run, end, ...unsureAfter(task) },",
      'settle: null,',
    ),
  },
  {
    name: "a loser removes the winner's holder",
    breaks: 'a run that counts against no limit',
    patches: one(
      'queue/take-slots.ts',
      '(one) => one.run === holder.run && one.attempt === holder.attempt',
      '(one) => one.run === holder.run',
    ),
  },
  {
    name: 'a task that stays in the queue when it is claimed',
    breaks: 'a task that runs and waits',
    patches: one('task/move.ts', 'entry: null, ', ''),
  },
  {
    name: 'a requeue without an entry',
    breaks: 'a task that is queued and in no queue',
    patches: one('task/transitions.ts', 'entry: newEntry(task, now, until),', ''),
  },
  {
    name: 'settle is not repeated',
    breaks: 'what a crash left is never carried on',
    patches: [
      {
        file: 'packages/api/src/tick/carry-on-markers.ts',
        find: 'if (task.updatedAt.getTime() > before) continue',
        replace: 'continue',
      },
    ],
  },
  {
    name: 'settle without the round filter',
    isRare: true,
    breaks: 'a slow settle of the last round ends the outputs of this one',
    patches: one('settle/outputs.ts', 'item.round !== task.round || ', ''),
  },
  {
    name: 'an end that takes outputs for granted',
    breaks: 'a task whose outputs do not exist, where its submit died before it created them',
    patches: one('task/transitions.ts', '? { unsure: true } : {}', '? {} : {}'),
  },
  {
    name: 'a slot is not released',
    breaks: 'a run that has ended still counts',
    patches: one('settle/finalize.ts', 'await releaseRun(ports, task, one)', 'void one'),
  },
  {
    name: 'a retry without a new round',
    breaks: 'outputs that never come again',
    patches: one('task/fresh-round.ts', 'round: task.round + 1,', 'round: task.round,'),
  },
  {
    name: 'a batch without its commit point',
    breaks: 'half of a batch runs',
    patches: [
      ...one(
        'settle/open-batch.ts',
        "if (!doc || doc.state === 'staging' || doc.state === 'aborted') return false\n  if (doc.state !== 'committed') return true",
        "if (!doc || doc.state === 'opened' || doc.state === 'admitted') return doc !== null",
      ),
      ...one(
        'settle/staged.ts',
        "return !batch || batch.state === 'staging' || batch.state === 'aborted'",
        'return !batch',
      ),
    ],
  },
  {
    name: 'the tick ends sessions right after an outage',
    breaks: 'agents that could not be heard are taken for dead',
    patches: [
      {
        file: 'packages/api/src/tick/end-silent-sessions.ts',
        find: 'if (now - receivingSince.getTime() < ttlMs) return',
        replace: 'void receivingSince',
      },
    ],
  },
]
