import { execFile } from 'node:child_process'
import { createHash, randomBytes, randomInt } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { ownDatabase } from '../support/api-in-process.ts'
import { type ApiProcess, apiProcess } from '../support/api-process.ts'
import { openChromium } from '../support/chromium.ts'
import { cuttable } from '../support/cuttable.ts'
import { type Program, startProgram } from '../support/program.ts'
import { until } from '../support/until.ts'

/** The page and the server of docs/data.md as they stand there, in a real browser. */

const root = resolve(import.meta.dirname, '../..')
const MB = 1_000_000
type Way = Awaited<ReturnType<typeof cuttable>>

let folder: string
let browser: Browser
let api: ApiProcess
let site: Program
let siteUrl: string
/** From the page to the API and to the store, and from the API to the store. */
let ways: { api: Way; store: Way; inside: Way }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-page-'))
  const port = randomInt(33_000, 39_000)
  siteUrl = `http://127.0.0.1:${port}`
  const servers: Record<string, string> = inject('servers')
  const store = servers.S3_ENDPOINT ?? ''
  const [toStore, inside] = [await cuttable(store), await cuttable(store)]
  api = await apiProcess(
    {
      ...servers,
      MONGODB_URL: ownDatabase(servers.MONGODB_URL ?? ''),
      S3_ENDPOINT: inside.url,
      S3_PUBLIC_ENDPOINT: toStore.url,
      CORS_ORIGINS: siteUrl,
    },
    'an-admin-key-for-tests',
  )
  await api.start()
  ways = { api: await cuttable(api.url), store: toStore, inside }
  site = await startSite(port)
  browser = await openChromium()
}, 900_000) // Chromium may have to be installed

afterAll(async () => {
  await browser?.close()
  await site?.stop()
  for (const way of Object.values(ways ?? {})) way.close()
  await api?.stop()
  await rm(folder, { recursive: true, force: true })
})

async function startSite(port: number): Promise<Program> {
  const text = await readFile(join(root, 'docs/data.md'), 'utf8')
  const blockOf = (language: string) => text.split(`\`\`\`${language}\n`)[1]?.split('```')[0] ?? ''
  const command = text.match(/npx (rolldown .*?) --file millrace-upload\.js/)?.[1]
  if (!command) throw new Error('docs/data.md does not say how the script is made')
  const parameters = [...command.split(' '), '--file', join(folder, 'millrace-upload.js')]
  await promisify(execFile)('npx', parameters, { cwd: root })
  const here = (code: string) => code.replaceAll('https://millrace.example', ways.api.url.replace(/\/$/, ''))
  await writeFile(join(folder, 'page.html'), here(blockOf('html')))
  const rest = `
    import { readFileSync } from 'node:fs'
    function serveYourPage({ url }, response) {
      const isScript = url === '/millrace-upload.js'
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
      response.end(readFileSync(isScript ? 'millrace-upload.js' : 'page.html'))
    }`
  const file = join(folder, 'site.mjs')
  await writeFile(file, here(blockOf('js')).replace('listen(8080)', `listen(${port}, '127.0.0.1')`) + rest)
  const { secret } = await api.client.createKey({ name: 'site', scopes: ['write'] })
  const program = startProgram(file, { MILLRACE_KEY: secret ?? '' }, [], folder)
  await until('the site listens', 20, async () => (await fetch(siteUrl)).ok)
  return program
}

async function openPage(): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(siteUrl)
  await page.waitForFunction(() => 'token' in sessionStorage)
  return page
}

async function said(page: Page): Promise<{ name: string; id: `dat_${string}` }> {
  const text = await page.locator('#said:not(:empty)').textContent({ timeout: 60_000 })
  const [, name, id] = text?.match(/^(.*) is there: (dat_\w+)$/) ?? []
  if (!name || !id) throw new Error(`the page says "${text}"`)
  return { name, id: `dat_${id.slice(4)}` }
}

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

test('carphone.mp4 goes from the page to the store, and not through the API', async () => {
  const film = join(root, 'test/samples/carphone.mp4')
  const page = await openPage()
  await page.setInputFiles('#file', film)
  const { name, id } = await said(page)
  expect(name).toBe('carphone.mp4')
  expect(digestOf(await api.client.download(id))).toBe(digestOf(await readFile(film)))
  expect(await api.client.data(id)).toMatchObject({ status: 'available', type: 'video', size: 588_804 })
  expect(ways.api.passed.sent).toBeLessThan(100_000)
  await page.close()
})

test('150 MB survive a lost network and a reload; what had arrived is not sent again', async () => {
  const size = 150 * MB
  const film = await readFile(join(root, 'test/samples/carphone.mp4'))
  const bytes = Buffer.concat([film, randomBytes(size - film.length)])
  const file = join(folder, 'long.mp4')
  await writeFile(file, bytes)
  const before = {
    api: ways.api.passed.sent,
    store: ways.store.passed.sent,
    inside: { ...ways.inside.passed },
  }

  const page = await openPage()
  const failed: string[] = []
  page.on('requestfailed', (request) => failed.push(request.url()))
  ways.store.cutAfter(size / 2)
  await page.setInputFiles('#file', file)
  await until('the network is cut halfway', 60, () => ways.store.isCut())
  ways.api.cut()
  await until('the page notices', 60, () => failed.length > 0)
  expect(await page.textContent('#said')).toBe('')
  for (const way of [ways.api, ways.store]) way.mend()

  ways.store.cutAfter(size / 4)
  await until('the network is cut again', 120, () => ways.store.isCut())
  await page.reload()
  ways.store.mend()
  await page.setInputFiles('#file', file)
  const { name, id } = await said(page)
  expect(name).toBe('long.mp4')
  expect(digestOf(await api.client.download(id))).toBe(digestOf(bytes))

  const sent = ways.store.passed.sent - before.store
  const partsInFlight = 4 * 16.8 * MB
  expect(sent).toBeGreaterThan(size)
  expect(sent).toBeLessThan(size + 2 * partsInFlight)
  expect(ways.api.passed.sent - before.api).toBeLessThan(100_000)
  const { sent: toStore, received } = ways.inside.passed
  expect(toStore - before.inside.sent + received - before.inside.received).toBeLessThan(1 * MB)
  await page.close()
}, 300_000)

test('the token in the page opens nothing else', async () => {
  const page = await openPage()
  const statuses = await page.evaluate(async (url) => {
    const headers = { authorization: `Bearer ${sessionStorage.token}` }
    const ask = async (path: string) => (await fetch(url + path, { headers })).status
    return { keys: await ask('api/keys'), agents: await ask('api/agents'), data: await ask('api/data') }
  }, ways.api.url)
  expect(statuses).toEqual({ keys: 403, agents: 403, data: 200 })
  await page.close()
})
