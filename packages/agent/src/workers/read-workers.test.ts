// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the file, not of this program
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readWorkers } from './read-workers.ts'
import { substitute } from './substitute.ts'

const ownersFile = await readFile(
  resolve(import.meta.dirname, '../../../../test/samples/workers.yaml'),
  'utf8',
)

const file = (entry: string) => `workers:
  - name: scraper
    project_path: ./scraper
    venv_python: ./scraper/venv/bin/python
    module: src.scraper
    task_types: [A.Scrape]
${entry}`

function faultsOf(text: string, own: NodeJS.ProcessEnv = {}): string[] {
  const reading = readWorkers(text, own)
  return 'faults' in reading
    ? reading.faults.map(({ line, place, message }) => `${line} ${place}: ${message}`)
    : []
}

function workersOf(text: string, own: NodeJS.ProcessEnv = {}) {
  const reading = readWorkers(text, own)
  if ('faults' in reading) throw new Error(JSON.stringify(reading.faults))
  return reading.workers.map(({ worker }) => worker)
}

describe('workers.yaml', () => {
  test('is read as the owner wrote it; unused sections may have unset variables', () => {
    const reading = readWorkers(ownersFile, {})
    if ('faults' in reading) throw new Error(JSON.stringify(reading.faults))
    expect(reading.ignored.map(({ line, place }) => `${line} ${place}`)).toEqual([
      '3 task_manager',
      '37 logging',
      '38 monitoring',
    ])
    expect(
      reading.workers.map(({ worker }) => [worker.timeout, worker.max_retries, worker.task_types[0]]),
    ).toEqual([
      [300, 3, 'PrismQ.YouTube.VideoScrape'],
      [180, 3, 'PrismQ.Reddit.PostScrape'],
      [120, 2, 'PrismQ.Classification.Categorize'],
    ])
  })

  test('uses defaults for missing fields', () => {
    expect(workersOf(file(''))).toEqual([
      {
        name: 'scraper',
        project_path: './scraper',
        venv_python: './scraper/venv/bin/python',
        module: 'src.scraper',
        function: 'main',
        task_types: ['A.Scrape'],
        timeout: 300,
        env: {},
        metadata: { description: '', version: '1.0.0' },
      },
    ])
    expect(workersOf('workers: []')).toEqual([])
  })

  test('may be JSON, with tabs and a byte order mark', () => {
    const [worker] = workersOf(file(''))
    expect(workersOf(`\uFEFF${JSON.stringify({ workers: [worker] }, null, '\t')}\n`)).toEqual([worker])
    expect(faultsOf('{\n\t"workers": [\n\t\t{ "name": 5 }\n\t]\n}')[0]).toMatch(
      /^3 workers\[0\]\.name: .*string/,
    )
  })

  test('must not have a number that loses precision', () => {
    const text = 'workers:\n  - name: a\n    timeout: 9007199254740993'
    expect(faultsOf(text)[0]).toMatch(
      /^3 .*9007199254740993 is an integer beyond 2\^53 and would change; write it as a string/,
    )
  })

  test('may share common fields of entries', () => {
    const entry = '{ <<: &common { project_path: ., venv_python: p, module: m }, name: a, task_types: [a] }'
    const text = `workers:\n  - ${entry}\n  - { <<: *common, name: b, task_types: [b] }`
    expect(workersOf(text).map(({ name, module }) => [name, module])).toEqual([
      ['a', 'm'],
      ['b', 'm'],
    ])
  })

  const faults: [text: string, faults: RegExp[]][] = [
    ['', [/^1 : .*null/]],
    ['[]', [/^1 : .*object/]],
    ['version: 1\nworker: []', [/^1 workers: is missing/]],
    ['workers:', [/^1 workers: .*array/]],
    ['\n\nworkers: [', [/^3 : Flow sequence/]],
    ['a: 1\na: 2\nworkers: []', [/^2 : Map keys must be unique/]],
    ['workers:\n  - *unknown', [/^2 : \*unknown is not defined/]],
    ['workers:\n  - five', [/^2 workers\[0\]: .*object/]],
    [
      'workers:\n  - name: a\n    module: m',
      ['project_path', 'venv_python', 'task_types'].map(
        (key) => new RegExp(`^2 workers\\[0\\]\\.${key}: is missing`),
      ),
    ],
    [file('    timeout: soon'), [/^7 workers\[0\]\.timeout: .*number/]],
    [file('    timeout: 0'), [/^7 workers\[0\]\.timeout: Too small/]],
    [
      file('    max_retries: 20\n    function: a b'),
      [/^8 workers\[0\]\.function: must be one word/, /^7 workers\[0\]\.max_retries: Too big/],
    ],
    [file('    max_concurrent: 0'), [/^7 workers\[0\]\.max_concurrent: Too small/]],
    [file('    env:\n      A B: 1'), [/^8 workers\[0\]\.env\.A B: .*/]],
    [file('    env:\n      MILLRACE_TASK_ID: x'), [/^8 workers\[0\]\.env\.MILLRACE_TASK_ID: .*/]],
    [file('    env:\n      A: [1]'), [/^8 workers\[0\]\.env\.A: must be text, a number/]],
    [file('    metadata: { version: 1.0 }'), [/^7 workers\[0\]\.metadata\.version: .*string/]],
    [file('').replace('src.scraper', '-c'), [/^5 workers\[0\]\.module: must be a Python module/]],
    [file('').replace('A.Scrape', '.scrape'), [/^6 workers\[0\]\.task_types\[0\]: would be called -scrape/]],
    [file('').replace('A.Scrape', 'x'.repeat(64)), [/^6 workers\[0\]\.task_types\[0\]: .*63 characters/]],
    [file('').replace('[A.Scrape]', '[]'), [/^6 workers\[0\]\.task_types: Too small/]],
    [
      file('').replace('A.Scrape', 'A.Scrape, A.Scrape'),
      [/^6 workers\[0\]\.task_types\[1\]: A.Scrape is claimed already: by scraper in line 6$/],
    ],
    [
      ownersFile.replace('"PrismQ.Reddit.SubredditScrape"', '"prismq/youtube-VideoScrape"'),
      [
        /^24 workers\[1\]\.task_types\[1\]: .* by PrismQ\.T\..*VideoScraper in line 15, whose PrismQ\.YouTube\.VideoScrape is called prismq-youtube-videoscrape too$/,
      ],
    ],
  ]
  test.each(faults)('is rejected with line and place (%#)', (text, expected) => {
    const found = faultsOf(text)
    expect(found).toHaveLength(expected.length)
    for (const one of expected) expect(found).toContainEqual(expect.stringMatching(one))
  })

  test('reports keys without effect', () => {
    const reading = readWorkers(file('    retries: 3\n    metadata: { author: me }'), {})
    expect(reading).toMatchObject({ ignored: [{ line: 7, place: 'workers[0].retries' }] })
  })
})

describe('a variable', () => {
  const own = {
    HOME: '/h',
    EMPTY: '',
    NUMBER: '7',
    SECRET: 'hidden',
    TRICK: '${HOME}',
    MILLRACE_AGENT_KEY: 'key',
  }
  const table: [text: string, value: string][] = [
    ['${HOME}/x', '/h/x'],
    ['${HOME}${NUMBER}', '/h7'],
    ['${NONE:-./here}', './here'],
    ['${EMPTY:-full}', 'full'],
    ['${NONE:-}', ''],
    ['${HOME:-x}', '/h'],
    ['${TRICK}', '${HOME}'],
    ['$HOME costs 5$', '$HOME costs 5$'],
  ]
  test.each(table)('%s is %s', (text, value) => {
    expect(substitute({ a: [text] }, own)).toEqual({ value: { a: [value] }, faults: [] })
  })

  const refused: [text: string, why: string][] = [
    ['${NONE}', "${NONE} is not set in the agent's environment"],
    ['${EMPTY}', "${EMPTY} is not set in the agent's environment"],
    ['a ${HOME', '${HOME is neither ${NAME} nor ${NAME:-default}'],
    ['${1}', '${1} is neither ${NAME} nor ${NAME:-default}'],
    ['${HOME-x}', '${HOME-x} is neither ${NAME} nor ${NAME:-default}'],
    ['${A:-${B}}', '${A:-${B} is neither ${NAME} nor ${NAME:-default}'],
    ['${MILLRACE_AGENT_KEY}', '${MILLRACE_AGENT_KEY} is a key of Millrace, which no worker may have'],
  ]
  test.each(refused)('%s is rejected', (text, message) => {
    expect(substitute([text], own).faults).toEqual([{ path: [0], message }])
  })

  test('may stand for a number, and its fault is reported once, with the line', () => {
    const text = file('    timeout: ${LIMIT:-30}\n    max_retries: ${NUMBER}')
    expect(workersOf(text, own)).toMatchObject([{ timeout: 30, max_retries: 7 }])
    expect(faultsOf(text, { LIMIT: '5' })).toEqual([
      "8 workers[0].max_retries: ${NUMBER} is not set in the agent's environment",
    ])
    expect(faultsOf(text, { LIMIT: 'hidden', NUMBER: '1' }).join()).not.toContain('hidden')
  })

  test('must not be part of a public field', () => {
    const faults = faultsOf(
      file('    metadata: { version: "${SECRET}" }').replace('A.Scrape', '"A.${SECRET}"'),
      own,
    )
    expect(faults).toEqual([
      '6 workers[0].task_types[0]: ${SECRET} cannot be used here: this field is public',
      '7 workers[0].metadata.version: ${SECRET} cannot be used here: this field is public',
    ])
  })
})
