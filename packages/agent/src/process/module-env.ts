import { delimiter, dirname, join } from 'node:path'
import { sessionOf } from './session-env.ts'

/**
 * The complete environment of a module's process. It is an allow-list, so that neither the agent's key nor a setting
 * of its user reaches a module. Without `taskId` (set-up, serve) the task's variables are omitted.
 */
export function moduleEnv(o: {
  python: string
  cacheDir: string
  /** The folder for temporary files. */
  tmpDir: string
  outputDir: string
  taskId?: string
  /** The id of the HTTP request that created the task, for the module's own log lines. */
  requestId?: string
  usesGpu: boolean
  gpu?: string
  threads: number
  forSetup?: boolean
  /** The variables that the module names, with the values that the machine's owner set. */
  given?: Record<string, string>
  own: NodeJS.ProcessEnv
}): Record<string, string> {
  const given = Object.entries(o.given ?? {}).filter(([name]) => !isOurs(name))
  return {
    ...(process.platform === 'win32' ? pick(o.own, windowsNeeds) : {}),
    ...(o.forSetup ? pick(o.own, networkSettings) : {}),
    ...sessionOf(o.own),
    ...Object.fromEntries(given),
    PATH: pathOf(o.python, o.own),
    PYTHONUNBUFFERED: '1',
    PYTHONUTF8: '1',
    PYTHONNOUSERSITE: '1',
    CUDA_VISIBLE_DEVICES: o.usesGpu ? (o.gpu ?? '0') : '-1',
    OMP_NUM_THREADS: String(o.threads),
    TMPDIR: o.tmpDir,
    TEMP: o.tmpDir,
    TMP: o.tmpDir,
    ...homesIn(o.cacheDir),
    ...(o.requestId === undefined ? {} : { MILLRACE_REQUEST_ID: o.requestId }),
    ...(o.taskId === undefined ? {} : { MILLRACE_TASK_ID: o.taskId, MILLRACE_OUTPUT_DIR: o.outputDir }),
  }
}

/** Whether only the agent may set this variable of modules. Windows ignores case. */
export const isOurs = (name: string): boolean => ours.has(name.toUpperCase()) || /^MILLRACE_/i.test(name)

const windowsNeeds = [
  'SystemRoot',
  'SystemDrive',
  'windir',
  'ComSpec',
  'PATHEXT',
  'NUMBER_OF_PROCESSORS',
  'PROCESSOR_ARCHITECTURE',
  'ProgramFiles',
  'ProgramData',
]

const ours = new Set(
  [
    ...[
      'PATH',
      'PYTHONUNBUFFERED',
      'PYTHONUTF8',
      'PYTHONNOUSERSITE',
      'CUDA_VISIBLE_DEVICES',
      'OMP_NUM_THREADS',
    ],
    ...['TMPDIR', 'TEMP', 'TMP', 'HOME', 'USERPROFILE', 'LOCALAPPDATA', 'APPDATA'],
    ...['HF_HOME', 'TORCH_HOME', 'XDG_CACHE_HOME'],
    ...windowsNeeds,
  ].map((name) => name.toUpperCase()),
)

/** Set-up may download weights, so it gets the owner's proxy and certificate settings. */
const networkSettings = [
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'all_proxy',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'NODE_EXTRA_CA_CERTS',
]

function pick(own: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of names) {
    const value = own[name]
    if (value !== undefined) found[name] = value
  }
  return found
}

/** The environment's programs first, then the system's; folders of the user are not included. */
function pathOf(python: string, own: NodeJS.ProcessEnv): string {
  const windows = own.SystemRoot ?? 'C:\\Windows'
  const system =
    process.platform === 'win32'
      ? [join(windows, 'System32'), windows]
      : ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
  return [dirname(python), ...system].join(delimiter)
}

/** Files that a library keeps between runs go into the module's own cache. */
function homesIn(cacheDir: string): Record<string, string> {
  const windows = { LOCALAPPDATA: join(cacheDir, 'local'), APPDATA: join(cacheDir, 'roaming') }
  return {
    MILLRACE_CACHE_DIR: cacheDir,
    HOME: cacheDir,
    USERPROFILE: cacheDir,
    HF_HOME: join(cacheDir, 'huggingface'),
    TORCH_HOME: join(cacheDir, 'torch'),
    XDG_CACHE_HOME: join(cacheDir, 'cache'),
    ...(process.platform === 'win32' ? windows : {}),
  }
}
