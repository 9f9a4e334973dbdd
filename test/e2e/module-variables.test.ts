import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Installation, installation } from '../support/installation.ts'
import { until } from '../support/until.ts'

/** What the owner of a machine gives to modules, in a real agent whose settings file is edited while it runs. */

const program = `
import json, os, sys
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
mode = options["--mode"]
token = os.environ.get("HF_TOKEN", "none")

def answer():
    named = ("HF_TOKEN", "LICENCE", "NOT_NAMED")
    return {"status": "success", "outputs": {"seen": {name: os.environ.get(name) for name in named}, "pid": os.getpid()}}

def work(inputs, say):
    print("the token is", token, flush=True)
    print("on stderr", token, file=sys.stderr, flush=True)
    say({"event": "progress", "type": "progress", "percent": 40, "message": "with " + token})
    if inputs.get("say"):
        print(inputs["say"], flush=True)
    if inputs.get("fail"):
        return {"status": "error", "error": {"type": "Refused", "message": "401 for " + token, "retry_possible": False}}
    return answer()

def say(message):
    print(json.dumps(message), flush=True)

if mode == "setup":
    print("set up with", token)
    sys.exit(0 if token != "none" else "no token in set-up")
elif mode == "serve":
    say({"type": "ready"})
    for line in iter(sys.stdin.readline, ""):
        message = json.loads(line)
        if message["type"] == "ping":
            say({"type": "pong"})
        if message["type"] == "shutdown":
            break
        if message["type"] == "run":
            result = work(json.load(open(message["input_file"]))["inputs"], say)
            if result["status"] == "error":
                say({"type": "failed", "id": message["id"], "error": result["error"]})
            else:
                say({"type": "done", "id": message["id"], "result": result})
else:
    if token == "wrong-token":
        print("401 for", token, file=sys.stderr)
        sys.exit(1)
    say(work(json.load(open(options["--input_file"]))["inputs"], say))
`

let here: Installation
beforeAll(async () => {
  here = await installation([])
  for (const [name, modes] of [
    ['served', ['setup', 'run', 'serve']],
    ['fresh', ['run']],
  ] as const) {
    const folder = join(here.agent.modulesDir, name)
    await mkdir(folder)
    await writeFile(join(folder, 'main.py'), program)
    await writeFile(join(folder, 'test_data.json'), '{"inputs": {}}')
    await writeFile(
      join(folder, 'module.json'),
      JSON.stringify({
        name,
        version: '1.0.0',
        inputs: [
          { key: 'fail', type: 'boolean', required: false },
          { key: 'say', type: 'text', required: false },
        ],
        outputs: [
          { key: 'seen', type: 'json' },
          { key: 'pid', type: 'number' },
        ],
        modes,
        env: [{ name: 'HF_TOKEN', description: 'of huggingface.co', required: name === 'served' }, 'LICENCE'],
      }),
    )
  }
})
afterAll(() => here?.close())

const give = (text: string) => writeFile(join(here.agent.home, 'agent', 'agent.yaml'), text)
const stateOf = async (name: string) => (await here.client.module(name)).agents[0]
const isNow = (name: string, status: string, error: RegExp | null = null) =>
  until(`${name} is ${status}`, 60, async () => {
    const state = await stateOf(name).catch(() => undefined)
    return state?.status === status && (error === null || error.test(state.error ?? ''))
  })

async function run(module: string, inputs: Record<string, boolean | string> = {}) {
  const { id } = await here.client.createTask({ module, inputs, maxAttempts: 1 })
  const task = await here.client.task(id, 60)
  const said = (await here.client.runLog(`${id}.1`)).map(({ line }) => line)
  return { task, said, ...(task.result as { seen: object; pid: number } | null) }
}

test('a module whose variable is missing says which, what for and where to set it', async () => {
  await isNow(
    'served',
    'ERROR',
    /^HF_TOKEN \(of huggingface\.co\) is not set.*agent\.yaml.*module_env.*"served"/,
  )
  await isNow('fresh', 'AVAILABLE')
  expect((await run('fresh')).seen).toEqual({ HF_TOKEN: null, LICENCE: null, NOT_NAMED: null })
})

test('it becomes available by the value alone; both modes see the variables that they name, and logs mask them', async () => {
  await give('module_env:\n  HF_TOKEN: hf_first\n  NOT_NAMED: x\n  served:\n    LICENCE: 007\n')
  await isNow('served', 'AVAILABLE')
  const served = await run('served')
  expect(served.seen).toEqual({ HF_TOKEN: 'hf_first', LICENCE: '007', NOT_NAMED: null })
  expect((await run('fresh')).seen).toEqual({ HF_TOKEN: 'hf_first', LICENCE: null, NOT_NAMED: null })
  for (const module of ['served', 'fresh']) {
    const { task, said } = await run(module, { fail: true })
    // Standard error is a separate stream: with a loaded process it may come too late for the task's log.
    expect(said).toContain('the token is ***')
    expect(said.join()).not.toContain('hf_first')
    expect(task.error?.message).toBe('401 for ***')
  }
  const logs = join(here.agent.home, 'agent', 'install-logs')
  const installed = await Promise.all((await readdir(logs)).map((file) => readFile(join(logs, file), 'utf8')))
  expect(installed.join()).toContain('set up with ***')
  expect(installed.join()).not.toContain('hf_first')
})

test('a value whose name says that it is secret is hidden in all runs, any other in those that get it', async () => {
  await give(
    'module_env:\n  HF_TOKEN: hf_first\n  served:\n    LICENCE: of-served\n    API_KEY: key-of-served\n',
  )
  await until('the settings are read', 30, async () => {
    const { said } = await run('fresh', { say: 'key-of-served of-served' })
    return said.includes('*** of-served')
  })
})

test('another value reaches new processes, and a loaded one makes way for one that has it', async () => {
  const before = await run('served')
  await give('module_env:\n  HF_TOKEN: hf_second\n')
  const after = await until('a process has the new value', 30, async () => {
    const answer = await run('served')
    return JSON.stringify(answer.seen).includes('hf_second') && answer
  })
  expect(after.seen).toEqual({ HF_TOKEN: 'hf_second', LICENCE: null, NOT_NAMED: null })
  expect(after.pid).not.toBe(before.pid)
  expect((await run('fresh')).seen).toMatchObject({ HF_TOKEN: 'hf_second' })
})

test('a value with which the test fails is an ERROR that masks it; the next value corrects it, also across a restart', async () => {
  await give('module_env:\n  HF_TOKEN: wrong-token\n')
  await isNow('served', 'ERROR', /401 for \*\*\*/)
  await here.agent.program.stop()
  await give('module_env:\n  HF_TOKEN: hf_third\n')
  here.agent.start()
  await isNow('served', 'AVAILABLE')
  expect((await run('served')).seen).toMatchObject({ HF_TOKEN: 'hf_third' })
  const kept = await readFile(join(here.agent.home, 'agent', 'catalogue.json'), 'utf8')
  expect(kept).not.toMatch(/hf_|wrong-token/)
})
