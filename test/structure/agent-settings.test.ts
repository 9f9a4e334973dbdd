import { settingNames } from '@millrace/agent/config'
import { agentSettings } from '@millrace/infra'
import { expect, test } from 'vitest'

/** Settings that `npm start` sets itself, to what this installation has. */
const set = ['MILLRACE_URL', 'MILLRACE_AGENT_KEY', 'MODULES_DIR', 'WORKERS_FILE']

test('npm start hands the agent every setting that it understands', () => {
  expect([...agentSettings, ...set].sort()).toEqual([...settingNames].sort())
})
