import { expect, test } from 'vitest'
import { describeProxy, proxyEnv } from './proxy.ts'

const local = 'localhost,127.0.0.1,::1,[::1]'

test.each<[string, NodeJS.ProcessEnv, object]>([
  ['nothing', {}, {}],
  ['capitals', { HTTPS_PROXY: 'http://p:1' }, { https_proxy: 'http://p:1' }],
  [
    'small letters first',
    { HTTPS_PROXY: 'http://p:1', https_proxy: 'http://q:1' },
    { https_proxy: 'http://q:1' },
  ],
  ['one for all', { ALL_PROXY: 'http://p:1' }, { http_proxy: 'http://p:1', https_proxy: 'http://p:1' }],
  ['no scheme', { HTTP_PROXY: 'p:3128' }, { http_proxy: 'http://p:3128' }],
  ['an empty one', { HTTP_PROXY: '', HTTPS_PROXY: 'http://p:1' }, { https_proxy: 'http://p:1' }],
  ['SOCKS', { ALL_PROXY: 'socks5://p:1' }, {}],
  ['exceptions', { NO_PROXY: '.lan,10.0.0.1' }, { no_proxy: `.lan,10.0.0.1,${local}` }],
])('%s', (_, env, expected) => {
  expect(proxyEnv(env)).toEqual({ no_proxy: local, ...expected })
})

test('the message names the proxy without its password, and reports an unusable one', () => {
  const HTTPS_PROXY = 'http://ada:secret@proxy:3128'
  const told = describeProxy({ HTTPS_PROXY }, 'https://api.example')
  expect(told).toMatchObject({ isFault: false, message: expect.stringContaining('proxy:3128 (HTTPS_PROXY)') })
  expect(told?.message).not.toContain('secret')
  expect(describeProxy({ HTTPS_PROXY: 'socks5://p' }, 'https://api.example')).toMatchObject({ isFault: true })
  expect(describeProxy({ HTTPS_PROXY }, 'http://api.example')).toBeNull()
  expect(describeProxy({ HTTPS_PROXY }, 'https://127.0.0.1:8787')).toBeNull()
})
