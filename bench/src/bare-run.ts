import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from '@millrace/client'

/** The same module, with the same interpreter, spawned by Node with nothing in between. */
export async function bareRun(client: Client, name: string) {
  const module = await client.module(name)
  const [agent] = module.agents
  if (!agent?.pythonExec) throw new Error(`no agent has reported the interpreter of ${name}`)
  const { pythonExec, path } = agent
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bare-'))
  let count = 0
  return {
    async run(inputs: object): Promise<unknown> {
      const own = join(folder, String(count++))
      await mkdir(own)
      const input = join(own, 'input.json')
      await writeFile(
        input,
        JSON.stringify({ task_id: 'bare', run_id: 'bare.1', inputs, files: {}, output_dir: own }),
      )
      const lines = await output(
        pythonExec,
        [join(path, 'main.py'), '--mode', 'run', '--task_id', 'bare', '--input_file', input],
        own,
      )
      return JSON.parse(lines.trim().split('\n').at(-1) ?? '').outputs
    },
    close: () => rm(folder, { recursive: true, force: true }),
  }
}

async function output(command: string, args: string[], cwd: string): Promise<string> {
  const env = { PATH: process.env.PATH, PYTHONUNBUFFERED: '1', PYTHONUTF8: '1', PYTHONNOUSERSITE: '1' }
  const child = spawn(command, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const code = await new Promise<number | null>((done, failed) =>
    child.once('error', failed).once('close', done),
  )
  if (code !== 0) throw new Error(`the bare run ended with ${code}`)
  return text
}
