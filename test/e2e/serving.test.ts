import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { ownDatabase } from '../support/api-in-process.ts'
import { type ApiProcess, apiProcess } from '../support/api-process.ts'
import { openChromium } from '../support/chromium.ts'
import { until } from '../support/until.ts'
import { bytesOf } from '../support/upload-by-hand.ts'

/** Data items as people get them: by the programs that they have. */

const root = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)

let folder: string
let api: ApiProcess
let key: string
let browser: Browser
/** An empty page of another origin than API and store. */
let site: { server: Server; url: string }
let film: string
let picture: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-serving-'))
  site = await emptySite()
  const servers: Record<string, string> = inject('servers')
  const MONGODB_URL = ownDatabase(servers.MONGODB_URL ?? '')
  api = await apiProcess({ ...servers, MONGODB_URL, CORS_ORIGINS: site.url }, 'an-admin-key-for-tests')
  await api.start({ LOG_LEVEL: 'trace' })
  key = (await api.client.createKey({ name: 'reads', scopes: ['read'] })).secret ?? ''
  film = await upload('carphone.mp4', 'video/mp4', await readFile(join(root, 'test/samples/carphone.mp4')))
  picture = await upload('a.jpg', 'image/jpeg', await readFile(join(root, 'demo/pictures/astronaut.jpg')))
  browser = await openChromium()
}, 900_000) // Chromium may have to be installed

afterAll(async () => {
  await browser?.close()
  await api?.stop()
  site?.server.close()
  await rm(folder, { recursive: true, force: true })
})

/** The path of its content. */
async function upload(name: string, contentType: string, bytes: Uint8Array): Promise<string> {
  const { id } = await api.client.upload({ name, contentType, bytes: Uint8Array.from(bytes) })
  return `/api/data/${id}/content`
}

async function emptySite(): Promise<{ server: Server; url: string }> {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html')
    response.end('<!doctype html><title>another origin</title>')
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = z.object({ port: z.number() }).parse(server.address())
  return { server, url: `http://127.0.0.1:${port}` }
}

/** The path as a URL that needs no key. */
async function ticketed(path: string): Promise<string> {
  const response = await fetch(`${api.url}/api/tickets`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ path }),
  })
  const { ticket } = z.object({ ticket: z.string() }).parse(await response.json())
  return `${api.url}${path}${path.includes('?') ? '&' : '?'}ticket=${ticket}`
}

/** The same film, with its index at a distance that no player reads through: it has to ask for the end. */
function withRoomBeforeItsIndex(film: Buffer, bytes: number): Buffer {
  const index = film.indexOf('moov') - 4
  const room = Buffer.alloc(bytes)
  room.writeUInt32BE(bytes)
  room.write('free', 4, 'latin1')
  return Buffer.concat([film.subarray(0, index), room, film.subarray(index)])
}

async function openPage(): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(site.url)
  return page
}

describe('a program with a key', () => {
  test('curl follows the redirect, ranges and all, and leaves the key behind', async () => {
    const authorization = `Authorization: Bearer ${key}`
    const file = join(folder, 'film')
    const url = `${api.url}${film}`
    await run('curl', ['-sSfL', '-H', authorization, '-o', file, url])
    const sent = await readFile(join(root, 'test/samples/carphone.mp4'))
    expect((await readFile(file)).equals(sent)).toBe(true)
    await run('curl', ['-sSfL', '-H', authorization, '-r', '100-199', '-o', file, url])
    expect((await readFile(file)).equals(sent.subarray(100, 200))).toBe(true)
  })

  test('curl saves a download under its own name', async () => {
    const path = await upload('Grüße 日本.txt', 'text/plain', bytesOf('hello'))
    const head = ['-sSL', '-D', '-', '-o', '/dev/null', await ticketed(path)]
    const { stdout } = await run('curl', head)
    expect(stdout).toMatch(
      /content-disposition: attachment; .*filename\*=UTF-8''Gr%C3%BC%C3%9Fe%20%E6%97%A5/i,
    )
  })

  // Both send their key along with a redirect: MinIO refuses that with 400, versitygw ignores the key.
  test('Python gets the file by the URL of ?redirect=0', async () => {
    const script = join(folder, 'get.py')
    await writeFile(
      script,
      `import json, sys, urllib.request
url, key = sys.argv[1:]
def ask(url):
    return urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": "Bearer " + key}))
where = json.load(ask(url + "?redirect=0"))["url"]
size = len(urllib.request.urlopen(where).read())
print(json.dumps({"size": size}))
`,
    )
    const { stdout } = await run('python3', [script, `${api.url}${film}`, key])
    expect(JSON.parse(stdout)).toMatchObject({ size: 588_804 })
  })

  test('Go gets the file by the URL of ?redirect=0', async () => {
    const program = join(folder, 'get.go')
    await writeFile(
      program,
      `package main

import ("encoding/json"; "fmt"; "io"; "net/http"; "os")

func ask(url, key string) (int, []byte) {
	request, _ := http.NewRequest("GET", url, nil)
	if key != "" { request.Header.Set("Authorization", "Bearer " + key) }
	answer, err := http.DefaultClient.Do(request)
	if err != nil { panic(err) }
	body, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, body
}

func main() {
	url, key := os.Args[1], os.Args[2]
	_, body := ask(url + "?redirect=0", key)
	var where struct { Url string }
	if err := json.Unmarshal(body, &where); err != nil { panic(err) }
	_, film := ask(where.Url, "")
	fmt.Println(len(film))
}
`,
    )
    const { stdout } = await run('go', ['run', program, `${api.url}${film}`, key])
    expect(stdout.trim()).toBe('588804')
  }, 180_000) // the first Go program on a machine compiles the standard library
})

describe('a page of another origin', () => {
  test('fetches content with its key by ?redirect=0', async () => {
    const page = await openPage()
    const got = await page.evaluate(
      async ([url = '', key = '']) => {
        const headers = { authorization: `Bearer ${key}` }
        const where = await (await fetch(`${url}?redirect=0`, { headers })).json()
        const part = await fetch(where.url, { headers: { range: 'bytes=4-7' } })
        const redirected = await fetch(url, { headers }).then(
          (answer) => answer.status,
          (error: Error) => error.name,
        )
        return { status: part.status, text: await part.text(), redirected }
      },
      [`${api.url}${film}`, key],
    )
    expect(got).toEqual({ status: 206, text: 'ftyp', redirected: 'TypeError' })
    await page.close()
  })

  test('plays a film with a ticket, and seeks in it', async () => {
    const short = await readFile(join(root, 'test/samples/carphone.mp4'))
    const long = await upload('long.mp4', 'video/mp4', withRoomBeforeItsIndex(short, 32 * 1024 * 1024))
    const page = await openPage()
    const ranges: string[] = []
    const statuses: number[] = []
    page.on('response', async (response) => {
      const { pathname } = new URL(response.url())
      if (!pathname.includes('/incoming/')) return
      statuses.push(response.status())
      ranges.push((await response.request().allHeaders()).range ?? '')
    })
    const seen = await page.evaluate(
      async (src) => {
        const video = document.body.appendChild(document.createElement('video'))
        const next = (event: string) =>
          new Promise((done, failed) => {
            video.addEventListener(event, done, { once: true })
            video.addEventListener('error', () => failed(new Error(video.error?.message)), { once: true })
          })
        video.muted = true
        video.preload = 'metadata'
        video.src = src
        await next('loadedmetadata')
        video.currentTime = video.duration / 2
        await next('seeked')
        const { currentTime, duration, videoWidth, videoHeight } = video
        await video.play()
        await next('ended')
        return { currentTime, duration, videoWidth, videoHeight, end: video.currentTime }
      },
      await ticketed(`${long}?disposition=inline`),
    )
    expect(seen.duration).toBeCloseTo(4.004, 2)
    expect(seen.currentTime).toBeCloseTo(2.002, 2)
    expect(seen.end).toBeCloseTo(4.004, 1)
    // Its pixels are 128 : 117, so that a player shows 176 as 193.
    expect([seen.videoWidth, seen.videoHeight]).toEqual([193, 144])
    expect(new Set(ranges).size).toBeGreaterThan(1)
    expect(new Set(statuses)).toEqual(new Set([206]))
    await page.close()
  })

  test('shows a picture with a ticket', async () => {
    const page = await openPage()
    const size = await page.evaluate(
      async (src) => {
        const image = document.body.appendChild(new Image())
        image.src = src
        await image.decode()
        return [image.naturalWidth, image.naturalHeight]
      },
      await ticketed(`${picture}?disposition=inline`),
    )
    expect(size).toEqual([512, 512])
    await page.close()
  })

  test('lets people download a file under its name, whatever script that is in', async () => {
    const name = 'Grüße 日本 (1).mp4'
    const path = await upload(name, 'video/mp4', await readFile(join(root, 'test/samples/carphone.mp4')))
    const page = await openPage()
    const download = page.waitForEvent('download')
    await page.evaluate(
      (href) => {
        const link = document.body.appendChild(document.createElement('a'))
        link.href = href
        link.click()
      },
      await ticketed(path),
    )
    const file = await download
    expect(file.suggestedFilename()).toBe(name)
    expect(await readFile(await file.path())).toHaveLength(588_804)
    await page.close()
  })

  test.each([
    ['HTML', 'a.html', 'text/html', '<script>document.title = "executed"</script>'],
    [
      'SVG',
      'a.svg',
      'image/svg+xml',
      '<svg xmlns="http://www.w3.org/2000/svg"><script>document.title = "executed"</script></svg>',
    ],
  ])('that leads to %s downloads it, and nothing in it runs', async (_, name, contentType, text) => {
    const path = await upload(name, contentType, bytesOf(text))
    const page = await openPage()
    const download = page.waitForEvent('download')
    const href = await ticketed(`${path}?disposition=inline`)
    await page.evaluate((to) => location.assign(to), href)
    const file = await download
    expect(file.suggestedFilename()).toBe(name)
    expect(await readFile(await file.path(), 'utf8')).toBe(text)
    expect([page.url(), await page.title()]).toEqual([`${site.url}/`, 'another origin'])
    const shown = await page.evaluate(async (src) => {
      const frame = document.body.appendChild(document.createElement('iframe'))
      frame.src = src
      const image = new Image()
      image.src = src
      return image.decode().then(
        () => 'shown',
        () => 'not shown',
      )
    }, href)
    expect(shown).toBe('not shown')
    await page.close()
  })
})

test('no ticket and no key stands in the log', async () => {
  const secret = new URL(await ticketed(film)).searchParams.get('ticket') ?? ''
  for (const path of [film, '/api/data', '/nothing'])
    await (await fetch(`${api.url}${path}?ticket=${secret}`, { redirect: 'manual' })).body?.cancel()
  const log = await until('the last request stands in the log', 10, () => {
    const text = api.program.lines.join('\n')
    return text.includes('"path":"/nothing"') && text
  })
  expect(log).toContain(`"path":"${film}"`)
  expect(log).not.toMatch(/mlt_|mlr_/)
})
