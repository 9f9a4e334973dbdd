import type { Api, BodyAt, QueryAt } from '../api.ts'
import type { AgentId, LogLine, Module } from '../contract.gen.ts'
import { linesIn } from '../lines.ts'
import type { Page } from '../page.ts'

export const moduleCalls = ({ call, open }: Api) => ({
  module: async (name: string): Promise<Module> =>
    (await call('GET /api/modules/{name}', { params: { name } })).module,
  listModules: (query: QueryAt<'GET /api/modules'> = {}): Promise<Page<Module>> =>
    call('GET /api/modules', { query }),
  installLog: async (
    name: string,
    query: QueryAt<'GET /api/modules/{name}/install-log'> = {},
  ): Promise<LogLine[]> =>
    linesIn(await open('GET /api/modules/{name}/install-log', { params: { name }, query })),
  /** Has every agent, or one, look into its modules folder. */
  scanModules: async (agentId?: AgentId): Promise<void> => {
    await call('POST /api/modules/scan', { body: { agentId } })
  },
  /** Has every agent where it failed install and test it again; the agents that were asked. */
  retryModule: async (name: string): Promise<AgentId[]> =>
    (await call('POST /api/modules/{name}/retry', { params: { name } })).agents,
  /** Has every agent that has it test it again; the agents that were asked. */
  testModule: async (name: string): Promise<AgentId[]> =>
    (await call('POST /api/modules/{name}/test', { params: { name } })).agents,
  enableModule: async (name: string): Promise<Module> =>
    (await call('POST /api/modules/{name}/enable', { params: { name } })).module,
  /** What runs goes on to its end, what is queued waits. */
  disableModule: async (name: string): Promise<Module> =>
    (await call('POST /api/modules/{name}/disable', { params: { name } })).module,
  /** Lets contents serve that an agent without trust has. */
  approveModule: async (name: string, what: BodyAt<'POST /api/modules/{name}/approve'>): Promise<Module> =>
    (await call('POST /api/modules/{name}/approve', { params: { name }, body: what })).module,
})
