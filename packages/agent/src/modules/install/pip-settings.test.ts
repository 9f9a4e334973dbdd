import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { installEnv } from './install-env.ts'
import { parsePipConfig, pipSettings, uvVariables } from './pip-settings.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-pip-'))
  await mkdir(join(home, '.config', 'pip'), { recursive: true })
})
afterEach(() => rm(home, { recursive: true, force: true }))

it.each([
  ['[global]\nindex-url = https://mirror.example/simple\n', { 'index-url': 'https://mirror.example/simple' }],
  [
    '[global]\nindex_url: https://a.example\n[install]\nindex-url=https://b.example\n',
    { 'index-url': 'https://b.example' },
  ],
  [
    '[global]\nextra-index-url =\n    https://a.example\n    https://b.example\n',
    { 'extra-index-url': 'https://a.example https://b.example' },
  ],
  ['# index-url = https://no.example\n[download]\nindex-url = https://no.example\n', {}],
  [
    '[global]\r\ntrusted-host = mirror.example\r\ncert = /ca.pem\r\n',
    { 'trusted-host': 'mirror.example', cert: '/ca.pem' },
  ],
  ['', {}],
])('reads %j', (text, expected) => {
  expect(parsePipConfig(text)).toEqual(expected)
})

it("a variable overrides a file, and the user's file is read", async () => {
  await writeFile(
    join(home, '.config', 'pip', 'pip.conf'),
    '[global]\nindex-url = https://file.example\ncert = /ca.pem\n',
  )
  const own = { HOME: home, PIP_CONFIG_FILE: '' }
  expect(pipSettings(own)).toMatchObject({ 'index-url': 'https://file.example' })
  expect(pipSettings({ ...own, PIP_INDEX_URL: 'https://variable.example' })).toMatchObject({
    'index-url': 'https://variable.example',
    cert: '/ca.pem',
  })
})

it('an installation gets package and network settings, and no setting of the agent', () => {
  const seen = {
    PATH: '/usr/bin',
    HOME: home,
    PIP_TRUSTED_HOST: 'h',
    UV_LINK_MODE: 'hardlink',
    HTTPS_PROXY: 'http://proxy.example',
    SSL_CERT_FILE: '/ca.pem',
    NETRC: '/netrc',
  }
  const hidden = { MILLRACE_AGENT_KEY: 'secret', MILLRACE_URL: 'u', REDDIT_TOKEN: 'secret', MODULES_DIR: 'm' }
  const env = installEnv({ ...seen, ...hidden })
  expect(env).toMatchObject(seen)
  expect(Object.keys(env).filter((name) => name in hidden)).toEqual([])
})

it("uv uses pip's index, unless it has its own", () => {
  const pip = {
    'index-url': 'https://mirror.example',
    'extra-index-url': 'https://more.example',
    'trusted-host': 'h',
  }
  expect(uvVariables({}, pip)).toEqual({
    UV_DEFAULT_INDEX: 'https://mirror.example',
    UV_INDEX: 'https://more.example',
    UV_INSECURE_HOST: 'h',
  })
  expect(
    uvVariables({ UV_DEFAULT_INDEX: 'https://own.example' }, { 'index-url': 'https://mirror.example' }),
  ).toEqual({})
})
