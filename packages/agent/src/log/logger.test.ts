import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

const url = 'https://store.example/b/k?X-Amz-Signature=0a1b2c'

test('the log has no query of any URL: not in fields, lists, errors and causes', () => {
  const program = `
    import { createLogger } from ${JSON.stringify(new URL('./logger.ts', import.meta.url).href)}
    const url = ${JSON.stringify(url)}
    const err = new Error('GET ' + url, { cause: new Error('at ' + url) })
    createLogger('info').info({ err, reason: 'not found: ' + url, faults: [url, { at: url }], tries: 3 }, 'failed')`
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  expect(JSON.parse(text)).toMatchObject({
    err: { message: 'GET https://store.example/b/k?…', cause: 'at https://store.example/b/k?…' },
    reason: 'not found: https://store.example/b/k?…',
    faults: ['https://store.example/b/k?…', { at: 'https://store.example/b/k?…' }],
    tries: 3,
    msg: 'failed',
  })
  expect(text).not.toContain('0a1b2c')
})
