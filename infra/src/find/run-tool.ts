import { execa } from 'execa'
import { packageSettings } from './package-settings.ts'
import { SourceFailed, type Work } from './source.ts'

export type Tool = {
  file: string
  parameters: string[]
  cwd?: string
  /** Added to the user's package settings. */
  env?: Record<string, string>
  /** Called with each line of standard error. */
  onLine?: (line: string) => void
}

/** The output of a tool, both streams. `failed`: it did not start, or its exit code was not 0. */
export type ToolOutput = { text: string; failed: boolean; summary: string }

/** Runs an installer or compiler with the user's package settings and nothing else of the environment. */
export async function runTool(tool: Tool, { env, signal }: Work): Promise<ToolOutput> {
  const running = execa(tool.file, tool.parameters, {
    cwd: tool.cwd,
    env: { ...packageSettings(env), ...tool.env },
    extendEnv: false,
    stdin: 'ignore',
    all: true,
    reject: false,
    cancelSignal: signal,
    forceKillAfterDelay: 2000,
  })
  if (tool.onLine) void readLines(running.iterable({ from: 'stderr' }), tool.onLine)
  const ran = await running
  if (ran.isCanceled) throw new SourceFailed('interrupted')
  return { text: ran.all, failed: ran.failed, summary: ran.shortMessage ?? '' }
}

async function readLines(lines: AsyncIterable<string>, each: (line: string) => void): Promise<void> {
  try {
    for await (const line of lines) each(line)
  } catch {
    // The tool failed: its caller reports why.
  }
}
