import { expect, test } from 'vitest'
import { plainHttpWarning, reachOf } from './plain-http.ts'

test.each([
  ['machine', ['localhost', 'a.localhost', '127.0.0.1', '127.8.8.8', '[::1]', 'LOCALHOST', 'localhost.']],
  [
    'private',
    [
      '10.0.0.1',
      '172.16.0.1',
      '172.31.255.1',
      '192.168.1.2',
      '169.254.1.1',
      '100.64.0.1',
      '100.127.0.1',
      '[fd00::1]',
    ],
  ],
  ['private', ['[fe80::1]', 'api', 'millrace.local', 'box.lan', 'x.internal', 'x.home.arpa']],
  [
    'open',
    [
      'millrace.example',
      '8.8.8.8',
      '172.32.0.1',
      '172.15.0.1',
      '192.169.0.1',
      '100.128.0.1',
      '[2001:db8::1]',
    ],
  ],
  ['open', ['localhost.example.com', '127.0.0.1.example.com', '10.example.com', 'x-local.com']],
] as const)('addresses that lead to %s: %j', (reach, hosts) => {
  for (const host of hosts) expect(reachOf(`http://${host}:8787/x`), host).toBe(reach)
})

test('warns of plain HTTP beyond this machine, not of HTTPS', () => {
  expect(plainHttpWarning('http://127.0.0.1:8787')).toBeNull()
  expect(plainHttpWarning('https://millrace.example')).toBeNull()
  expect(plainHttpWarning('http://192.168.1.2:8787')).toContain('everybody in that network')
  expect(plainHttpWarning('http://user:secret@millrace.example:80/x?key=y')).toMatch(
    /^http:\/\/millrace\.example is plain HTTP: everybody on the way/,
  )
})
