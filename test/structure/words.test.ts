import { glob, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { bannedWords, proseOfMarkdown, proseOfPython, proseOfSource } from './words.ts'

const root = resolve(import.meta.dirname, '..', '..')

/** Where the prose rules hold: everywhere. */
const places: readonly (readonly [pattern: string, prose: (text: string) => string])[] = [
  ['{README,CONTRIBUTING}.md', proseOfMarkdown],
  ['docs/**/*.md', proseOfMarkdown],
  ['packages/**/*.ts', proseOfSource],
  ['{bench,demo,infra,test}/**/*.{ts,mjs}', proseOfSource],
  ['*.{ts,mjs}', proseOfSource],
  ['{packages,python,modules,test,infra,demo,bench}/**/*.py', proseOfPython],
]

/** The list itself, and this test of it. */
const namesTheWords = /^words(\.test)?\.ts$/

/** Lines that may keep a word, each with the reason. At most ten. */
const allowed: readonly { file: string; text: string; why: string }[] = [
  { file: 'docs/architecture.md', text: 'tells the whole story of a run', why: 'a file is read as a story' },
  {
    file: 'docs/architecture.md',
    text: 'they tell each other what happened',
    why: 'signals carry facts both ways',
  },
  { file: 'docs/architecture.md', text: 'the facts that parts tell each other', why: 'the same' },
  { file: 'docs/security.md', text: 'There are no default secrets', why: 'the absence is the fact' },
  { file: 'docs/security.md', text: 'there is a URL for each part', why: 'the URL is the subject' },
  { file: 'docs/security.md', text: 'On the internet, put a proxy with TLS', why: 'any person may be meant' },
  {
    file: 'docs/security.md',
    text: 'the values of its own variables',
    why: "the agent's, not separate ones",
  },
  {
    file: 'packages/agent/src/modules/steps/install-causes.test.ts',
    text: 'Because there is no version of torch',
    why: "uv's own words",
  },
]

test.each(places)('%s uses none of the banned words', async (pattern, prose) => {
  const files = await Array.fromAsync(
    glob(pattern, { cwd: root, exclude: (name) => name === 'node_modules' || namesTheWords.test(name) }),
  )
  expect(files.length).toBeGreaterThan(0)
  const hits: string[] = []
  for (const file of files.sort()) {
    const text = await readFile(join(root, file), 'utf8')
    const lines = text.split('\n')
    for (const { line, word, instead } of bannedWords(prose(text)))
      if (!isAllowed(file, lines[line - 1] ?? '')) hits.push(`${file}:${line} "${word}": ${instead}`)
  }
  expect(hits).toEqual([])
})

test('at most ten lines are allowed', () => {
  expect(allowed.length).toBeLessThanOrEqual(10)
})

test.each([
  ['The agent starts anew.', 'anew'],
  ['It is kept for ever.', 'for ever'],
  ['Nobody minds.', 'Nobody'],
  ['There is no key.', 'There is'],
  ['until all is there', 'is there'],
  ['an environment of its own', 'of its own'],
])('%s has a banned word', (text, word) => {
  expect(bannedWords(text).map((hit) => hit.word)).toEqual([word])
})

test('code, quotations of programs and addresses of links do not count in a document', () => {
  const text = 'See [it](somebody.md) and `trying on`.\n```sh\necho anew\n```\nLast beside.\n'
  expect(bannedWords(proseOfMarkdown(text))).toMatchObject([{ line: 5, word: 'beside' }])
})

test('comments and string literals count in a source, names do not', () => {
  const source = "const anew = 1 // somebody\n\nthrow new Error('mend it')\n/* for\n * ever, beside */\n"
  expect(bannedWords(proseOfSource(source))).toMatchObject([
    { line: 1, word: 'somebody' },
    { line: 3, word: 'mend' },
    { line: 5, word: 'beside' },
  ])
})

test('comments, docstrings and texts count in a program in Python', () => {
  const source = '"""Told to stop."""\nnobody = "there is no voice"  # for ever\n'
  expect(bannedWords(proseOfPython(source))).toMatchObject([
    { line: 1, word: 'Told' },
    { line: 2, word: 'for ever' },
    { line: 2, word: 'there is' },
  ])
})

function isAllowed(file: string, line: string): boolean {
  return allowed.some((one) => one.file === file && line.includes(one.text))
}
