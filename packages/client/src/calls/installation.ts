import type { Api } from '../api.ts'
import type { Readiness, Settings, SettingsPatch, Summary } from '../contract.gen.ts'

export const installationCalls = ({ call, open }: Api) => ({
  settings: (): Promise<Settings> => call('GET /api/settings'),
  changeSettings: (patch: SettingsPatch): Promise<Settings> => call('PATCH /api/settings', { body: patch }),
  summary: (): Promise<Summary> => call('GET /api/summary'),
  /** Does what is due; for runtimes without a timer. */
  tick: async (): Promise<void> => {
    await call('POST /api/tick')
  },
  health: async (): Promise<'ok'> => (await call('GET /healthz')).status,
  /** Which servers the API reaches; throws while it cannot serve requests. */
  readiness: (): Promise<Readiness> => call('GET /readyz'),
  /** In the text format of Prometheus. */
  metrics: async (): Promise<string> => (await open('GET /metrics')).text(),
})
