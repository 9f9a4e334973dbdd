import { z } from 'zod'
import { DataType } from '../data.ts'
import { AgentId } from '../ids.ts'
import { Module, ModuleStatus } from '../module.ts'
import { LogLine } from '../run.ts'
import type { Calls } from './call.ts'
import { PageQuery, pageOf } from './lists.ts'

export const ModuleQuery = PageQuery.extend({
  status: ModuleStatus.optional(),
  accepts: DataType.optional(),
  returns: DataType.optional(),
})
export type ModuleQuery = z.infer<typeof ModuleQuery>
export const ModuleAnswer = z.object({ module: Module })
export const ModulePage = pageOf(Module)
export const ApproveModule = z
  .strictObject({
    version: z.string().max(100).optional(),
    digest: z.string().max(128).optional(),
    agent: AgentId.optional().describe('all versions on this agent, or the named one'),
  })
  .refine(
    ({ version, digest, agent }) => agent !== undefined || (version !== undefined && digest !== undefined),
    {
      message: 'name version and digest, or agent',
    },
  )
export type ApproveModule = z.infer<typeof ApproveModule>
export const ScanRequest = z.strictObject({ agentId: AgentId.optional() })
export const ScanAnswer = z.object({ agents: z.array(AgentId) })
export const InstallLogQuery = z.object({
  agentId: AgentId.optional(),
  digest: z.string().max(128).optional(),
  since: z.coerce.number().int().min(0).optional().describe('lines after this number'),
  follow: z.enum(['0', '1']).default('0').describe('1: server-sent events with new lines'),
})
export type InstallLogQuery = z.infer<typeof InstallLogQuery>

/** The registry of modules. */
export const moduleCalls = {
  listModules: {
    method: 'GET',
    path: '/api/modules',
    tag: 'Modules',
    summary: 'List modules by name',
    scope: 'read',
    query: ModuleQuery,
    answers: { 200: { description: 'A page', json: ModulePage } },
  },
  getModule: {
    method: 'GET',
    path: '/api/modules/{name}',
    tag: 'Modules',
    summary: 'Read a module',
    scope: 'read',
    params: { name: z.string() },
    subject: 'module',
    answers: { 200: { description: 'The module', json: ModuleAnswer } },
  },
  scanModules: {
    method: 'POST',
    path: '/api/modules/scan',
    tag: 'Modules',
    summary: 'Let every agent, or one, scan its modules folder',
    scope: 'write',
    body: ScanRequest,
    idempotent: true,
    audit: 'modules.scan',
    answers: { 202: { description: 'Asked', json: ScanAnswer } },
  },
  retryModule: {
    method: 'POST',
    path: '/api/modules/{name}/retry',
    tag: 'Modules',
    summary: 'Let every agent on which the module failed install and test it again',
    scope: 'write',
    params: { name: z.string() },
    subject: 'module',
    idempotent: true,
    audit: 'module.retry',
    answers: { 202: { description: 'Asked', json: ScanAnswer } },
  },
  testModule: {
    method: 'POST',
    path: '/api/modules/{name}/test',
    tag: 'Modules',
    summary: 'Let every agent with the module test it again',
    scope: 'write',
    params: { name: z.string() },
    subject: 'module',
    idempotent: true,
    audit: 'module.test',
    answers: { 202: { description: 'Asked', json: ScanAnswer } },
  },
  enableModule: {
    method: 'POST',
    path: '/api/modules/{name}/enable',
    tag: 'Modules',
    summary: 'Enable a module',
    scope: 'write',
    params: { name: z.string() },
    subject: 'module',
    idempotent: true,
    audit: 'module.enable',
    answers: { 202: { description: 'Switched', json: ModuleAnswer } },
  },
  disableModule: {
    method: 'POST',
    path: '/api/modules/{name}/disable',
    tag: 'Modules',
    summary: 'Disable a module: its runs continue to their end, its queued tasks wait',
    scope: 'write',
    params: { name: z.string() },
    subject: 'module',
    idempotent: true,
    audit: 'module.disable',
    answers: { 202: { description: 'Switched', json: ModuleAnswer } },
  },
  approveModule: {
    method: 'POST',
    path: '/api/modules/{name}/approve',
    tag: 'Modules',
    summary: 'Approve the contents of an untrusted agent, or different contents of one version',
    scope: 'admin',
    params: { name: z.string() },
    subject: 'module',
    body: ApproveModule,
    idempotent: true,
    audit: 'module.approve',
    answers: { 200: { description: 'Approved, now or before', json: ModuleAnswer } },
  },
  getInstallLog: {
    method: 'GET',
    path: '/api/modules/{name}/install-log',
    tag: 'Modules',
    summary: 'Read the lines of the last install, set-up and test as NDJSON',
    scope: 'read',
    params: { name: z.string() },
    subject: 'module',
    query: InstallLogQuery,
    answers: {
      200: {
        description: 'The lines; with ?follow=1 also new ones',
        lines: LogLine,
        events: { log: LogLine },
      },
    },
  },
} as const satisfies Calls
