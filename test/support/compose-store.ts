import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { plainReport } from '@millrace/infra'
import { parse } from 'yaml'
import { z } from 'zod'
import { findProgram } from '../../infra/src/find/find-programs.ts'
import { makeComposeEnv } from '../../infra/src/supervise/compose-env.ts'
import { parseEnvLines } from '../../infra/src/supervise/environments.ts'
import { filledCompose } from './filled-compose.ts'
import { freePort } from './free-port.ts'
import { startProgram } from './program.ts'
import { until } from './until.ts'

const infra = resolve(import.meta.dirname, '../../infra')

/** The versitygw of compose.yaml without Docker: its script and its environment, set up as docs/deployment.md says. */
export async function composeStore(choices: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-compose-'))
  const port = await freePort()
  const file = await makeComposeEnv(join(folder, 'compose.env'), { S3_PORT: String(port), ...choices })
  const env = parseEnvLines(await readFile(file, 'utf8'))
  const versitygw = await findProgram('versitygw', {
    env: process.env,
    report: plainReport(process.stderr),
  })
  const child = spawn('/bin/sh', [join(infra, 'versitygw/start.sh')], {
    env: {
      ...(await environmentOf('versitygw', env)),
      PATH: `${dirname(versitygw.file)}:/usr/bin:/bin`,
      LISTEN: `127.0.0.1:${port}`,
      USERS_DIR: folder,
      DATA_DIR: join(folder, 'data'),
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = once(child, 'exit')
  await until('versitygw to answer', 30, async () => (await fetch(`${env.S3_ENDPOINT}/health`)).ok)
  return {
    env,
    /** Where versitygw finds its users. */
    folder,
    pid: child.pid ?? 0,
    /** `npm run set-up-store`; resolves with what it said. */
    async setUp(): Promise<string[]> {
      const program = startProgram(join(infra, 'src/compose/set-up-store.ts'), {}, [file])
      const { code } = await program.ended
      if (code !== 0) throw new Error(program.lines.join('\n'))
      return program.lines
    },
    async stop() {
      child.kill('SIGTERM')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const Compose = z.object({
  services: z.record(z.string(), z.object({ environment: z.record(z.string(), z.string()).default({}) })),
})

/** What Docker would hand to a service. */
async function environmentOf(service: string, env: Record<string, string>) {
  const { services } = Compose.parse(parse(await filledCompose(env), { merge: true }))
  return services[service]?.environment
}
