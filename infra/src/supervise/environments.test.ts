import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { agentEnvironment } from './environments.ts'
import { readSettings } from './settings.ts'

const environment = (env: NodeJS.ProcessEnv) =>
  agentEnvironment(readSettings({ HOME: '/h', ...env }, '/root'), 'http://api', 'the agent’s key')

test('the agent gets what is named for its workers, and none of the secrets of others', () => {
  const env = environment({
    S3_MANAGE_SECRET: 's',
    MILLRACE_ADMIN_KEY: 'an-admin-key',
    REDDIT_TOKEN: 't',
    OTHER_TOKEN: 'o',
    NOT_NAMED: 'n',
    MAX_RUNS: '3',
    MILLRACE_QUEUE: 'http',
    WORKERS_FILE: 'w.yaml',
    WORKERS_ENV: 'REDDIT_TOKEN, OTHER_TOKEN MILLRACE_AGENT_KEY,NOT_SET',
  })
  expect(env).toMatchObject({
    MILLRACE_URL: 'http://api',
    MILLRACE_AGENT_KEY: 'the agent’s key',
    MODULES_DIR: '/root/modules',
    MAX_RUNS: '3',
    MILLRACE_QUEUE: 'http',
    WORKERS_FILE: resolve('w.yaml'),
    REDDIT_TOKEN: 't',
    OTHER_TOKEN: 'o',
  })
  for (const name of ['S3_MANAGE_SECRET', 'MILLRACE_ADMIN_KEY', 'NOT_NAMED', 'NOT_SET', 'WORKERS_ENV'])
    expect(env).not.toHaveProperty(name)
})

test('without a given workers file it looks for one', () => {
  expect(environment({})).not.toHaveProperty('WORKERS_FILE')
})
