import { describe, expect, test } from 'vitest'
import { faultOfUrl, pinnedLookup } from './addresses.ts'

const looked = (resolve: () => string[], allowPrivate = false, all = true) =>
  new Promise<string>((done) => {
    pinnedLookup(async () => resolve(), allowPrivate)('hook.example', { all }, (error, addresses) =>
      done(error ? error.message : JSON.stringify(addresses)),
    )
  })

describe('the URL of a receiver', () => {
  test.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0177.0.0.1/',
    'http://0.0.0.0/',
    'http://10.0.0.5/',
    'http://172.16.3.4/',
    'http://192.168.1.1/',
    'http://100.64.0.1/',
    'http://169.254.169.254/latest/meta-data',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
    'http://[::1]/',
    'http://[::]/',
    'http://[fe80::1]/',
    'http://[fc00::1]/',
    'http://[fd12:3456::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[64:ff9b:1::7f00:1]/',
    'http://[::127.0.0.1]/',
    'http://[::ffff:0:127.0.0.1]/',
    'http://[fec0::1]/',
    'http://[100::1]/',
    'http://[2001:0:7f00:1::]/',
    'http://[2001:db8::1]/',
    'http://[ff02::1]/',
    'http://[4000::1]/',
    'http://0/',
    'http://017700000001/',
    'http://0x7f.1/',
    'http://127.0.0.1./',
    'http://127.0.0.1。/',
    'http://①②⑦.⓪.⓪.①/',
    'http://172.31.255.255/',
    'http://100.127.255.255/',
    'http://192.0.0.1/',
    'http://198.18.0.1/',
    'http://203.0.113.1/',
    'http://240.0.0.1/',
    'http://[2002:7f00:1::]/',
    'http://localhost/',
    'http://LOCALHOST:8787/',
    'http://api.localhost/',
    'http://printer.local/',
    'http://metadata.google.internal/',
    'https://router.home.arpa/',
    'http://intranet/',
    'http://localhost./',
  ])('%s is rejected', (url) => {
    expect(faultOfUrl(url, false)).toMatch(/private network/)
    expect(faultOfUrl(url, true)).toBeNull()
  })

  test.each([
    'file:///etc/passwd',
    'ftp://hook.example/',
    'javascript:alert(1)',
    'hook.example',
    '',
    'http://',
    'https://u:p@hook.example/',
  ])('%j is always rejected', (url) => {
    expect(faultOfUrl(url, true)).not.toBeNull()
  })

  test.each(['https://hook.example/in?x=1', 'http://8.8.8.8:8080/', 'https://[2606:4700::1111]/'])(
    '%s is accepted',
    (url) => {
      expect(faultOfUrl(url, false)).toBeNull()
    },
  )
})

describe('the connected address', () => {
  test('is one of the checked ones', async () => {
    expect(JSON.parse(await looked(() => ['2606:4700::1111', '93.184.216.34']))).toEqual([
      { address: '2606:4700::1111', family: 6 },
      { address: '93.184.216.34', family: 4 },
    ])
    expect(await looked(() => ['93.184.216.34', '93.184.216.35'], false, false)).toBe('"93.184.216.34"')
  })

  test('is none when any resolved address is private, or none resolves', async () => {
    expect(await looked(() => ['93.184.216.34', '127.0.0.1'])).toMatch(/private address 127\.0\.0\.1/)
    expect(await looked(() => ['::ffff:10.0.0.1'])).toMatch(/private/)
    expect(await looked(() => [])).toMatch(/no address/)
    expect(await looked(() => ['127.0.0.1'], true)).toBe('[{"address":"127.0.0.1","family":4}]')
  })

  test('is checked each time: a name that is rebound to a private address is rejected', async () => {
    const answers = [['93.184.216.34'], ['127.0.0.1']]
    const resolve = () => answers.shift() ?? []
    expect(await looked(resolve)).toContain('93.184')
    expect(await looked(resolve)).toMatch(/private/)
  })
})
