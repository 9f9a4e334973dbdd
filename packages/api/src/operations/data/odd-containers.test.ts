import { expect, test } from 'vitest'
import { oddDuration } from './odd-containers.ts'

const head = Buffer.alloc(64 * 1024)
head.writeUInt32BE(0x1a45dfa3, 0)

test('a file that is full of what looks like clusters is given up, instead of read for minutes', async () => {
  const clusters = Buffer.from('ec871f43b67581e780'.repeat(2), 'hex')
  const elements = Buffer.alloc(4 * 1024 * 1024, Buffer.from('ec80', 'hex'))
  for (let at = 0; at + clusters.length < 256 * 1024; at += clusters.length) clusters.copy(elements, at)
  expect(await oddDuration(new Blob([head, elements]))).toBeNull()
})

test('a cluster that lies across two pieces is found', async () => {
  const cluster = Buffer.from('1f43b675ffe78203e8', 'hex')
  const after = Buffer.alloc(256 * 1024 - 2, Buffer.from('ec80', 'hex'))
  const file = new Blob([head, Buffer.alloc(1024), cluster.subarray(0, 2), cluster.subarray(2), after])
  expect(await oddDuration(file)).toBe(1)
})
