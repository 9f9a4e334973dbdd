import { execFileSync } from 'node:child_process'
import { userInfo } from 'node:os'
import { expect, it } from 'vitest'
import { python } from '../../fixtures/run-fixture.ts'
import { isOurs, moduleEnv } from './module-env.ts'

const base = {
  python: '/envs/one/bin/python',
  cacheDir: '/cache',
  tmpDir: '/tmp/mr-1',
  outputDir: '/run/output',
  usesGpu: false,
  threads: 2,
  own: {
    PATH: '/secret/bin',
    MILLRACE_AGENT_KEY: 'secret',
    HOME: '/home/owner',
    HTTPS_PROXY: 'proxy',
    PIP_INDEX_URL: 'x',
  },
}

it.skipIf(process.platform === 'win32')('is exactly the allow-list', () => {
  expect(moduleEnv({ ...base, taskId: 'tsk' })).toEqual({
    PATH: '/envs/one/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    PYTHONUNBUFFERED: '1',
    PYTHONUTF8: '1',
    PYTHONNOUSERSITE: '1',
    USER: userInfo().username,
    LOGNAME: userInfo().username,
    CUDA_VISIBLE_DEVICES: '-1',
    OMP_NUM_THREADS: '2',
    TMPDIR: '/tmp/mr-1',
    TEMP: '/tmp/mr-1',
    TMP: '/tmp/mr-1',
    MILLRACE_CACHE_DIR: '/cache',
    HOME: '/cache',
    USERPROFILE: '/cache',
    HF_HOME: '/cache/huggingface',
    TORCH_HOME: '/cache/torch',
    XDG_CACHE_HOME: '/cache/cache',
    MILLRACE_TASK_ID: 'tsk',
    MILLRACE_OUTPUT_DIR: '/run/output',
  })
})

it('gives set-up the network settings, and no task', () => {
  const certificates = { SSL_CERT_FILE: '/ca.pem', REQUESTS_CA_BUNDLE: '/ca.pem' }
  const own = { ...base.own, ...certificates }
  const env = moduleEnv({ ...base, own, forSetup: true, usesGpu: true, gpu: 'GPU-1' })
  expect(env).toMatchObject({ HTTPS_PROXY: 'proxy', ...certificates, CUDA_VISIBLE_DEVICES: 'GPU-1' })
  expect(moduleEnv({ ...base, own, taskId: 'tsk' })).not.toHaveProperty('SSL_CERT_FILE')
  expect(Object.keys(env)).not.toContain('MILLRACE_TASK_ID')
  expect(JSON.stringify(env)).not.toContain('secret')
})

it("has the module's variables, except those that the agent sets", () => {
  const bare = moduleEnv({ ...base, taskId: 'tsk', requestId: 'req' })
  const own = Object.keys(bare).filter((name) => name !== 'USER' && name !== 'LOGNAME')
  const takeover = Object.fromEntries(own.map((name) => [name, 'taken over']))
  expect(own.filter((name) => !isOurs(name))).toEqual([])
  expect(
    moduleEnv({ ...base, taskId: 'tsk', requestId: 'req', given: { ...takeover, HF_TOKEN: 't' } }),
  ).toEqual({
    ...bare,
    HF_TOKEN: 't',
  })
  expect(['Path', 'millrace_process', 'tmpdir', 'cuda_visible_devices'].map(isOurs)).not.toContain(false)
  expect(['HF_TOKEN', 'LD_LIBRARY_PATH', 'PYTHONPATH', 'HTTPS_PROXY'].map(isOurs)).not.toContain(true)
})

it.skipIf(process.platform === 'win32')("has the session's user, time zone and language", () => {
  const session = { LANG: 'C.UTF-8', LC_NUMERIC: 'de_DE.UTF-8', TZ: 'Asia/Tokyo' }
  const envOf = (more: NodeJS.ProcessEnv) =>
    moduleEnv({ ...base, own: { ...base.own, ...session, LC_secret: 'x', ...more } })
  expect(envOf({})).toMatchObject(session)
  expect(envOf({})).not.toHaveProperty('LC_secret')
  expect(envOf({})).toMatchObject({ HOME: '/cache' })
  const asked = 'import getpass, json, time; print(json.dumps([getpass.getuser(), time.tzname[0]]))'
  const seenWith = (more: NodeJS.ProcessEnv) =>
    JSON.parse(execFileSync(python, ['-c', asked], { env: envOf(more), encoding: 'utf8' }))
  expect(seenWith({ USER: 'no-account' })).toEqual(['no-account', 'JST'])
  expect(seenWith({ LOGNAME: 'alice' })).toEqual(['alice', 'JST'])
  expect(seenWith({ USER: '', LOGNAME: '', TZ: '' })).toEqual([userInfo().username, 'UTC'])
})
