import { Manifest } from '@millrace/shared/for-agents'
import { expect, test } from 'vitest'
import { faultOfMissing, readGiven, stampOf, variablesOfOwner } from './module-variables.ts'

const manifest = (env: unknown) => Manifest.parse({ name: 'speech', version: '1.0.0', env })
const owner = (all: Record<string, string>, speech: Record<string, string> = {}) =>
  variablesOfOwner(() => ({ all, of: { speech } }), '/home/agent.yaml')

test('gives a module only the variables that it names; its own values take precedence', () => {
  const variables = owner({ HF_TOKEN: 'all', OTHER: 'x', EMPTY: '' }, { HF_TOKEN: 'own', LICENCE: 'l' })
  expect(variables.of(manifest(['HF_TOKEN', 'LICENCE', 'EMPTY', 'constructor']))).toEqual({
    HF_TOKEN: 'own',
    LICENCE: 'l',
  })
  expect(variables.of(manifest([]))).toEqual({})
  expect(
    owner({ HF_TOKEN: 'all' }).of(Manifest.parse({ name: 'b', version: '1.0.0', env: ['HF_TOKEN'] })),
  ).toEqual({ HF_TOKEN: 'all' })
})

test('reports missing variables with their purpose and where to set them', () => {
  const wants = manifest([{ name: 'LICENCE', description: 'of the model', required: true }, 'HF_TOKEN'])
  expect(faultOfMissing(wants, owner({ LICENCE: 'x' }))).toBeNull()
  expect(faultOfMissing(wants, owner({ LICENCE: '' }))).toBe(
    'LICENCE (of the model) is not set, and the module needs it: set it in /home/agent.yaml, under "module_env" for all modules or under "speech" there',
  )
})

test("changes the stamp with the module's values only", () => {
  const stamps = [owner({}), owner({ T: 'a' }), owner({ T: 'b' }), owner({ T: 'a', U: 'x' })].map(
    (variables) => stampOf(manifest(['T']), variables),
  )
  expect(new Set(stamps).size).toBe(3)
  expect(stamps[1]).toBe(stamps[3])
  expect(stampOf(manifest([]), owner({ T: 'a' }))).toBeNull()
})

test.each([
  [['a'], /must hold lines/],
  ['text', /must hold lines/],
  [{ PATH: '/bin' }, /PATH is set by the agent itself/],
  [{ speech: { Home: '/' } }, /speech: Home is set by the agent itself/],
  [{ MILLRACE_AGENT_KEY: 'hidden' }, /MILLRACE_AGENT_KEY is set/],
  [{ 'A-B': 'hidden' }, /A-B is not the name/],
  [{ TOKEN: ['hidden'] }, /TOKEN must have one value/],
  [{ speech: { TOKEN: { a: 'hidden' } } }, /speech: TOKEN must have one value/],
])('rejects %j without showing a value', (entry, fault) => {
  const read = readGiven(entry)
  if (!('faults' in read)) throw new Error('it was accepted')
  expect(read.faults.join()).toMatch(fault)
  expect(read.faults.join()).not.toContain('hidden')
})
