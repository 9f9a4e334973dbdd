import { createRequire } from 'node:module'
import { arch } from 'node:os'

/** A Windows Job Object: every process that a member starts is a member too, even if its parent exits. */
export type Job = {
  /** Ids of its living processes. */
  processes(): number[]
  /** Ends all of them in one step, so that none can escape by forking. */
  end(): void
  /** Closes the handle; Windows then ends the remaining members, as it does when the agent is killed. */
  close(): void
}

/**
 * Puts a process that was just started into a new job; `null` where that is impossible: not Windows,
 * koffi is not installed, or the process has gone already.
 *
 * Node cannot start a process suspended, so a child that it forks in the instant before stays outside. The agent
 * therefore also ends process trees with `taskkill /T`, which finds such a child by its parent. It misses only a
 * child that was forked in that instant and has since lost its parent.
 */
export function jobOf(pid: number): Job | null {
  kernel ??= loadKernel()
  return kernel === 'none' ? null : assigned(kernel, pid)
}

type Kernel = ReturnType<typeof bindKernel>
let kernel: Kernel | 'none' | undefined

/** Loaded for the first process, on Windows only: nothing else needs native code. */
function loadKernel(): Kernel | 'none' {
  // The layouts below are for 64 bits.
  if (process.platform !== 'win32' || !['x64', 'arm64'].includes(arch())) return 'none'
  try {
    return bindKernel(createRequire(import.meta.url)('koffi'))
  } catch {
    // The optional package is not installed: taskkill alone must do.
    return 'none'
  }
}

function bindKernel({ load }: typeof import('koffi')) {
  const library = load('kernel32.dll')
  return {
    createJob: library.func('void* __stdcall CreateJobObjectW(void* security, void* name)'),
    configure: library.func(
      'bool __stdcall SetInformationJobObject(void* job, int kind, void* info, uint32_t bytes)',
    ),
    query: library.func(
      'bool __stdcall QueryInformationJobObject(void* job, int kind, void* info, uint32_t bytes, void* size)',
    ),
    openProcess: library.func('void* __stdcall OpenProcess(uint32_t access, bool inherit, uint32_t pid)'),
    assign: library.func('bool __stdcall AssignProcessToJobObject(void* job, void* process)'),
    terminate: library.func('bool __stdcall TerminateJobObject(void* job, uint32_t exitCode)'),
    close: library.func('bool __stdcall CloseHandle(void* handle)'),
  }
}

const setQuotaAndTerminate = 0x0100 | 0x0001
const extendedLimits = { kind: 9, bytes: 144, flagsAt: 16, killOnClose: 0x2000 }
const processList = { kind: 3, countAt: 4, idsAt: 8, mostIds: 4096 }

function assigned(kernel: Kernel, pid: number): Job | null {
  const job: unknown = kernel.createJob(null, null)
  if (!job) return null
  const limits = Buffer.alloc(extendedLimits.bytes)
  limits.writeUInt32LE(extendedLimits.killOnClose, extendedLimits.flagsAt)
  const child: unknown = kernel.openProcess(setQuotaAndTerminate, false, pid)
  const isIn =
    child && kernel.configure(job, extendedLimits.kind, limits, limits.length) && kernel.assign(job, child)
  if (child) kernel.close(child)
  if (!isIn) {
    kernel.close(job)
    return null
  }
  let isOpen = true
  return {
    processes: () => (isOpen ? processesIn(kernel, job) : []),
    end: () => void (isOpen && kernel.terminate(job, 1)),
    close() {
      if (isOpen) kernel.close(job)
      isOpen = false
    },
  }
}

function processesIn(kernel: Kernel, job: unknown): number[] {
  const list = Buffer.alloc(processList.idsAt + 8 * processList.mostIds)
  // The call fails when the list is too small, but still fills it.
  kernel.query(job, processList.kind, list, list.length, null)
  const count = Math.min(list.readUInt32LE(processList.countAt), processList.mostIds)
  return Array.from({ length: count }, (_, at) => Number(list.readBigUInt64LE(processList.idsAt + 8 * at)))
}
