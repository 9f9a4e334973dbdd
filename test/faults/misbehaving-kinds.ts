import type { Task } from '@millrace/client'

type TaskStatus = Task['status']
type TaskErrorCode = NonNullable<Task['error']>['code']

/** One way to misbehave, and how a task of it has to end. */
export type Kind = {
  do: string
  status: TaskStatus
  code: TaskErrorCode | null
  /** Said in the error's message. */
  says?: RegExp
  /** Cancelled once it runs. */
  cancelled?: true
  timeoutSeconds?: number
}

const ok = (deed: string): Kind => ({ do: deed, status: 'succeeded', code: null })
const failed = (deed: string, code: TaskErrorCode, says: RegExp): Kind => ({
  ...{ do: deed, status: 'failed', code, says },
})
const cancelled = (deed: string): Kind => ({
  ...{ do: deed, status: 'cancelled', code: 'cancelled', cancelled: true },
})

/** What the agent of the test lets a run take, small enough to be reached within seconds. */
export const limits = {
  RUN_SILENCE_SECONDS: '8',
  RUN_MEMORY_MB: '300',
  RUN_DISK_GB: '0.3',
  RUN_OUTPUT_GB: '0.1',
}

/** Each deed is a function of the module `misbehave`. */
export const kinds: Kind[] = [
  // How it ends.
  failed('exit-0', 'bad_output', /gave no result/),
  failed('exit-1', 'module_error', /exit code 1/),
  failed('exit-2', 'module_error', /exit code 2/),
  failed('exit-3', 'timed_out', /exit code 3/),
  failed('exit-130', 'crashed', /interrupted/),
  failed('die-by-signal', 'crashed', /SIGSEGV/),
  failed('kill-itself', 'crashed', /SIGKILL/),
  // Who does not want to end.
  cancelled('ignore-sigterm'),
  cancelled('ignore-cancel'),
  failed('be-silent', 'timed_out', /8 s \(RUN_SILENCE_SECONDS/),
  failed('stop-itself', 'timed_out', /8 s \(RUN_SILENCE_SECONDS/),
  { ...failed('sleep', 'timed_out', /time limit of 3 s/), timeoutSeconds: 3 },
  // What it leaves running.
  ok('leave-child'),
  ok('detach-grandchild'),
  ok('hold-pipes'),
  ok('daemonize'),
  ok('clear-environment'),
  ok('fork-bomb'),
  // What it prints.
  ok('close-stdout'),
  ok('flood-gigabyte'),
  ok('flood-gigabyte-one-line'),
  ok('flood-progress'),
  ok('print-broken-text'),
  ok('print-two-results'),
  // What it returns.
  failed('print-nan', 'bad_output', /NaN .* \/outputs\/score/),
  failed('print-huge-result', 'bad_output', /gave no result/),
  failed('print-deep-result', 'bad_output', /levels deep|gave no result|"answer"/),
  failed('write-huge-result', 'bad_output', /result\.json has 73400320 bytes/),
  failed('leave-out-an-output', 'bad_output', /"answer" is missing/),
  failed('return-wrong-kind', 'bad_output', /"score"/),
  failed('point-outside', 'bad_output', /outside the output folder/),
  failed('link-outside', 'bad_output', /outside the output folder/),
  failed('name-missing-file', 'bad_output', /does not exist/),
  // What it takes, and what it destroys.
  failed('eat-memory', 'out_of_memory', /more than the 300 MiB .*RUN_MEMORY_MB/),
  failed('fill-disk', 'bad_output', /more than the 308 MiB .*RUN_DISK_GB/),
  failed('write-too-much', 'bad_output', /more than the 103 MiB .*RUN_OUTPUT_GB/),
  ok('write-many-files'),
  ok('delete-own-folder'),
  ok('delete-input'),
]
