import { expect, test } from 'vitest'
import { readConfig } from './config.ts'

const required = {
  MONGODB_URL: 'mongodb://127.0.0.1/millrace',
  NATS_URL: 'nats://127.0.0.1',
  S3_ENDPOINT: 'http://127.0.0.1:9000',
  S3_BUCKET: 'b',
  S3_MANAGE_KEY: 'm',
  S3_MANAGE_SECRET: 'm',
  S3_UPLOAD_KEY: 'u',
  S3_UPLOAD_SECRET: 'u',
  S3_DOWNLOAD_KEY: 'd',
  S3_DOWNLOAD_SECRET: 'd',
}

test('an admin key has at least 16 characters', () => {
  expect(() => readConfig({ ...required, MILLRACE_ADMIN_KEY: 'x'.repeat(15) })).toThrow('at least 16')
  expect(readConfig({ ...required, MILLRACE_ADMIN_KEY: 'x'.repeat(16) }).adminKey).toBe('x'.repeat(16))
})

test('a key has at most 1000 agents unless MAX_AGENTS_PER_KEY says otherwise', () => {
  expect(readConfig(required).limits.agentsPerKey).toBe(1000)
  expect(readConfig({ ...required, MAX_AGENTS_PER_KEY: '3' }).limits.agentsPerKey).toBe(3)
})
