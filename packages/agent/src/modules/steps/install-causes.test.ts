import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { makeWheel } from '../../../fixtures/make-wheel.ts'
import { runProcess } from '../../process/run-process.ts'
import { startWatchdog, type Watchdog } from '../../process/stop/watchdog.ts'
import { buildEnvironment } from '../install/environment.ts'
import { interpreterFinder } from '../install/interpreter.ts'
import { findUv } from '../install/uv.ts'
import { causeOfInstall } from './install-causes.ts'
import type { RunStep } from './run-step.ts'

/** uv's and pip's messages about failed indexes, mirrors and proxies become messages that name the remedy. */

let watchdog: Watchdog
let place: string
let server: Server
let index: string
let uv: string
const run: RunStep = (step) => runProcess({ ...step, watchdog, onLine: () => undefined }).ended
const interpreter = async () => {
  const found = await interpreterFinder(process.env)('')
  if ('fault' in found) throw new Error(found.fault)
  return found
}

beforeAll(async () => {
  watchdog = startWatchdog()
  place = await mkdtemp(join(tmpdir(), 'millrace-causes-'))
  uv = (await findUv({ home: place, own: process.env, interpreter: await interpreter(), run })) ?? ''
  const pages: Record<string, number | string> = {
    '/credentials': 401,
    '/forbidden': 403,
    '/broken': 503,
    '/old/six/': '<a href="six-1.0-py3-none-any.whl">six-1.0-py3-none-any.whl</a>',
  }
  server = createServer((request, response) => {
    const page = Object.entries(pages).find(([path]) => request.url?.startsWith(path))?.[1] ?? 404
    if (typeof page === 'string') response.setHeader('content-type', 'text/html').end(page)
    else response.writeHead(page, page === 401 ? { 'www-authenticate': 'Basic' } : {}).end()
  })
  server.on('connect', (_, socket) => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = z.object({ port: z.number() }).parse(server.address())
  index = `http://127.0.0.1:${port}`
  await makeWheel(join(place, 'wheels'), 'needs-later', ['Requires-Python: >=3.99'])
})
afterAll(async () => {
  server.close().closeAllConnections()
  await watchdog.close()
  await rm(place, { recursive: true })
})

let rounds = 0
async function faultOf(
  installer: string,
  requirements: string,
  env: Record<string, string> = {},
): Promise<string> {
  rounds += 1
  const folder = join(place, `round-${rounds}`)
  await mkdir(folder)
  const file = join(folder, 'requirements.txt')
  await writeFile(file, requirements.replaceAll('INDEX', index).replaceAll('PLACE', place))
  const { PIP_INDEX_URL: _, UV_DEFAULT_INDEX: __, ...own } = process.env
  const outcome = await buildEnvironment({
    folder: join(folder, 'env'),
    home: folder,
    requirements: { file, text: '', lines: [], named: [] },
    interpreter: await interpreter(),
    torchBackend: null,
    helper: null,
    allowBuilds: false,
    timeoutSeconds: 60,
    own: {
      ...own,
      MILLRACE_UV: installer === 'pip' ? 'none' : uv,
      PIP_CONFIG_FILE: '/dev/null',
      PIP_RETRIES: '1',
      UV_HTTP_RETRIES: '0',
      UV_NO_CACHE: '1',
      ...Object.fromEntries(
        Object.entries(env).map(([name, value]) => [name, value.replaceAll('INDEX', index)]),
      ),
    },
    run,
  })
  return outcome?.fault ?? 'nothing was wrong'
}

const dead = 'http://127.0.0.1:9'
test.each<[string, string, RegExp, Record<string, string>?]>([
  [
    'uv',
    '--index-url INDEX/credentials\nsix',
    /^The requirements cannot be installed: The index of packages http:\S+\/credentials requires credentials, .*netrc/,
  ],
  [
    'pip',
    '--index-url INDEX/credentials\nsix',
    /^The requirements cannot be installed: The index has no package six: .*pip reports the same.*credentials/,
  ],
  [
    'uv',
    '--index-url INDEX/forbidden\nsix',
    /^The requirements cannot be installed: The index of packages .*requires credentials, or rejects them/,
  ],
  [
    'uv',
    '--index-url INDEX/broken\nsix',
    /^The requirements cannot be installed: The index of packages answered with an error \(503\)/,
  ],
  [
    'uv',
    `--index-url ${dead}\nsix`,
    /^The requirements cannot be installed: The index of packages cannot be reached: .*PIP_INDEX_URL/,
  ],
  [
    'uv',
    '--index-url http://nowhere.invalid\nsix',
    /^The requirements cannot be installed: The index of packages cannot be found by its name: .*HTTPS_PROXY/,
  ],
  [
    'uv',
    'six',
    /^The requirements cannot be installed: The proxy .*HTTPS_PROXY/,
    { HTTPS_PROXY: 'INDEX', UV_DEFAULT_INDEX: 'https://pypi.invalid/simple' },
  ],
  [
    'pip',
    'six',
    /^The requirements cannot be installed: The proxy .*HTTPS_PROXY/,
    { HTTPS_PROXY: 'INDEX', PIP_INDEX_URL: 'https://pypi.invalid/simple' },
  ],
  [
    'uv',
    'six',
    /^The requirements cannot be installed: The proxy .*HTTPS_PROXY/,
    { HTTPS_PROXY: dead, UV_DEFAULT_INDEX: 'https://pypi.invalid/simple' },
  ],
  [
    'uv',
    '--extra-index-url INDEX/old\nsix==1.17.0',
    /^The requirements cannot be installed: The package six is on http:\S+\/old, but not in that version, .*UV_INDEX_STRATEGY=unsafe-best-match/,
  ],
  [
    'uv',
    '--index-url INDEX/none\nsixx',
    /^The requirements cannot be installed: The index has no package sixx: check its spelling/,
  ],
  [
    'uv',
    '--no-index\n--find-links PLACE/wheels\nneeds-later',
    /^The requirements cannot be installed: needs-later needs Python >=3\.99: install such a Python/,
  ],
  ['pip', '--no-index\n--find-links PLACE/wheels\nneeds-later', /needs Python >=3\.99, and this one is 3\./],
])('%s: %j', { timeout: 120_000 }, async (installer, requirements, expected, env) => {
  expect(await faultOf(installer, requirements, env)).toMatch(expected)
})

/** Failures that this test cannot cause, as the installers report them. */
test.each([
  [
    '  cause: invalid peer certificate: UnknownIssuer',
    /certificate of the index is not trusted.*SSL_CERT_FILE/,
  ],
  [
    "SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
    /SSL_CERT_FILE.*PIP_CERT/,
  ],
  [
    'error: Failed to fetch: `https://download.pytorch.org/whl/cu128/torch/`',
    /MILLRACE_TORCH_BACKEND to nothing/,
  ],
  [
    'The virtual environment was not created because ensurepip is not\navailable.',
    /install the package python3-venv/,
  ],
  ['ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.', /hash in the requirements/],
  [
    'cause: Because there is no version of torch==2.7.0+cu999 and you require torch==2.7.0+cu999',
    /^The index has no torch==2\.7\.0\+cu999.*download\.pytorch\.org/,
  ],
  [
    'ERROR: Ignored the following versions that require a different python version: 1.0 Requires-Python <3.5; 2.0 Requires-Python <3',
    /needs Python (<3\.5|<3):/,
  ],
])('%s', (said, expected) => {
  expect(causeOfInstall(said)).toMatch(expected)
})

test.each([
  'error: the moon is full',
  'Downloading torch (407.2MiB)\nerror: the moon is full',
  'Expected sha256 407ab407 of pkg 1.407',
])('returns null for an unknown message: %s', (said) => {
  expect(causeOfInstall(said)).toBeNull()
})
