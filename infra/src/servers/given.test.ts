import { describe, expect, it } from 'vitest'
import { given, PartialSettings } from './given.ts'

describe('servers given in the environment', () => {
  it('are used when all their variables are set', () => {
    expect(given('mongo', { MONGODB_URL: 'mongodb://db/x' })).toEqual({ MONGODB_URL: 'mongodb://db/x' })
  })
  it('are none when none is named; an empty variable is none', () => {
    expect(given('nats', { NATS_URL: '' })).toBeUndefined()
  })
  it('a bucket name alone asks for nothing', () => {
    expect(given('store', { S3_BUCKET: 'mine' })).toBeUndefined()
  })
  it('are refused in parts, with the name of everything that is missing', () => {
    const partial = { NATS_URL: 'nats://n', NATS_USER: 'api', NATS_AGENT_USER: 'agent' }
    expect(() => given('nats', partial)).toThrow(PartialSettings)
    expect(() => given('nats', partial)).toThrow(
      'NATS_URL, NATS_USER, NATS_AGENT_USER set, but not NATS_PASSWORD, NATS_AGENT_PASSWORD',
    )
  })
})
