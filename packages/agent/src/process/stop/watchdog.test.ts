import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { lives, until } from '../../../fixtures/run-fixture.ts'

/** A minimal agent: starts the fixture, prints its process ids, and lives on. */
const agent = `
import { startFixture } from ${JSON.stringify(fileURLToPath(new URL('../../../fixtures/run-fixture.ts', import.meta.url)))}
import { startWatchdog } from ${JSON.stringify(fileURLToPath(new URL('./watchdog.ts', import.meta.url)))}
const watchdog = startWatchdog()
const deed = process.argv.at(-1)
const run = await startFixture({ do: deed, seconds: 600 }, watchdog)
if (deed === 'detach-grandchild') console.log(await run.said('child '))
else await run.said('ignoring')
console.log(run.running.pid)
console.log('ready')
`

it.each(['ignore-sigterm', 'detach-grandchild'])(
  '%s does not outlive an agent that is killed',
  async (deed) => {
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', agent, deed], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const pids: number[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === 'ready') break
      pids.push(Number(line))
    }
    expect(pids.every(lives)).toBe(true)
    expect(pids.length).toBe(deed === 'detach-grandchild' ? 2 : 1)
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    await until(() => !pids.some(lives))
  },
)
