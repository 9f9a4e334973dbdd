import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fixtures } from '../../fixtures/run-fixture.ts'
import { CannotCheck, type CheckOptions, checkModule } from './check-module.ts'
import type { CheckEvent } from './steps.ts'

let place: string
let told: CheckEvent[]
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'millrace-check-'))
})
beforeEach(() => {
  told = []
})
afterAll(() => rm(place, { recursive: true, force: true }))

const check = (fixture: string, more: Partial<CheckOptions> = {}) =>
  checkModule(join(fixtures, fixture), {
    home: join(place, 'home'),
    own: process.env,
    onStep: (event) => told.push(event),
    signal: AbortSignal.timeout(60_000),
    ...more,
  })

describe('a good module', () => {
  it('passes every step, each reported as it begins and ends', async () => {
    const checked = await check('misbehave')
    expect(checked).toMatchObject({ good: true, module: { name: 'misbehave', version: '1.0.0' } })
    const steps = ['manifest', 'environment', 'test', 'run']
    expect(checked.steps.map(({ step, good, cause }) => [step, good, cause])).toEqual(
      steps.map((step) => [step, true, null]),
    )
    const began = told.flatMap((event) => (event.kind === 'began' ? [event.step] : []))
    const ended = told.flatMap((event) => (event.kind === 'ended' ? [event.report.step] : []))
    expect([began, ended]).toEqual([steps, steps])
    expect(Object.keys(checked.outputs).sort()).toEqual(['answer', 'note', 'score'])
    expect(checked.usage).toHaveProperty('peakRamBytes')
  })

  it('runs with given inputs, read as their types, and copies its outputs', async () => {
    const keep = join(place, 'kept')
    const text = join(place, 'deed.txt')
    await writeFile(text, 'behave')
    const inputs = [
      { key: 'do', file: text },
      { key: 'seconds', text: '0' },
    ]
    expect((await check('misbehave', { inputs, keep })).good).toBe(true)
    expect(await readFile(join(keep, 'note.txt'), 'utf8')).toBe('all is well\n')
  })
})

describe('a module that is not good', () => {
  it.each([
    ['manifest-not-json', 'manifest', /not valid JSON/],
    ['needs-other-python', 'environment', /Python >=2\.0,<2\.1 is required/],
    ['setup-fails', 'setup', /no weights found/],
    ['test-fails', 'test', /the answer is wrong/],
    ['missing-package', 'test', /Missing Python package a_package_that_nobody_has/],
  ])('%s fails in its %s step, with the cause and its command', async (fixture, step, cause) => {
    const checked = await check(fixture)
    expect(checked.good).toBe(false)
    const last = checked.steps.at(-1)
    expect(last).toMatchObject({ step, good: false })
    expect([last?.cause, ...(last?.command?.lines ?? [])].join('\n')).toMatch(cause)
    if (step === 'test' || step === 'setup') expect(last?.command?.args.join(' ')).toContain(`--mode ${step}`)
  })

  it.each([
    ['exit-2', /The run failed/],
    ['leave-out-an-output', /"answer"/],
  ])('run with %s reports the result', async (deed, cause) => {
    const checked = await check('misbehave', { inputs: [{ key: 'do', text: deed }] })
    expect(checked.good).toBe(false)
    expect(checked.steps.at(-1)).toMatchObject({ step: 'run', good: false })
    expect(checked.steps.at(-1)?.cause).toMatch(cause)
  })
})

describe('an invalid call', () => {
  it.each<[string, Partial<CheckOptions>, RegExp]>([
    [
      'an input that is not declared',
      { inputs: [{ key: 'other', text: '1' }] },
      /"other" is not declared.*do, seconds/,
    ],
    ['an invalid number', { inputs: [{ key: 'seconds', text: 'soon' }] }, /"seconds" must be a number/],
    ['half a character', { inputs: [{ key: 'do', text: 'a\ud800' }] }, /half a surrogate pair/],
    ['a missing file', { inputs: [{ key: 'do', file: '/nowhere/x' }] }, /cannot be read/],
    [
      'an input given twice',
      {
        inputs: [
          { key: 'seconds', text: '1' },
          { key: 'seconds', text: '2' },
        ],
      },
      /given twice/,
    ],
  ])('is rejected for %s', async (_, more, message) => {
    const refused = await check('misbehave', more).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(CannotCheck)
    expect(String(refused)).toMatch(message)
  })

  it('is rejected for a missing folder', async () => {
    await expect(check('no-such-fixture')).rejects.toThrow(/the folder .*no-such-fixture does not exist/)
  })

  it('rejects when its signal is aborted', async () => {
    const stop = new AbortController()
    const inputs = [
      { key: 'do', text: 'behave' },
      { key: 'seconds', text: '0' },
    ]
    const onStep = (event: CheckEvent) => {
      if (event.kind === 'began' && event.step === 'test') stop.abort(new Error('enough'))
    }
    await expect(check('misbehave', { inputs, onStep, signal: stop.signal })).rejects.toThrow('enough')
  })
})

describe('a module that needs a variable', () => {
  const wants = async () => {
    const folder = await mkdtemp(join(place, 'wants-'))
    const env = [{ name: 'LICENCE', required: true }]
    const manifest = { name: 'wants', version: '1.0.0', outputs: [{ key: 'seen', type: 'text' }], env }
    await writeFile(join(folder, 'module.json'), JSON.stringify(manifest))
    await writeFile(join(folder, 'test_data.json'), '{"inputs": {}}')
    await writeFile(
      join(folder, 'main.py'),
      `import json, os
print("with", os.environ["LICENCE"])
print(json.dumps({"status": "success", "outputs": {"seen": os.environ["LICENCE"]}}))`,
    )
    return folder
  }
  const checkWith = async (own: NodeJS.ProcessEnv) =>
    checkModule(await wants(), {
      home: join(place, 'home'),
      own: { PATH: process.env.PATH, HOME: process.env.HOME, AGENT_HOME: join(place, 'agent'), ...own },
      onStep: () => undefined,
      signal: AbortSignal.timeout(60_000),
    })

  it('reports where to set it, and gets it from the environment, else from the settings file', async () => {
    const missing = await checkWith({})
    expect(missing.steps.at(-1)?.cause).toMatch(
      /^LICENCE is not set, .* in the environment of this command, or set it in .*agent\.yaml, under "module_env"/,
    )
    await mkdir(join(place, 'agent'))
    await writeFile(join(place, 'agent', 'agent.yaml'), 'module_env:\n  wants:\n    LICENCE: from-the-file\n')
    expect((await checkWith({})).outputs).toEqual({ seen: { value: 'from-the-file' } })
    const checked = await checkWith({ LICENCE: 'from-the-shell' })
    expect(checked.outputs).toEqual({ seen: { value: 'from-the-shell' } })
    expect(checked.steps.at(-1)?.command?.lines.join()).toContain('with ***')
    await writeFile(join(place, 'agent', 'agent.yaml'), 'module_env: none')
    await expect(checkWith({})).rejects.toThrow(/agent\.yaml: "module_env" must hold lines/)
  })
})
