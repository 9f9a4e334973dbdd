import type {
  ClaimRequest,
  FinishRequest,
  HeartbeatRequest,
  InstallLogRequest,
  InventoryModule,
  LogBatch,
  OutputFile,
  RunId,
  SessionId,
} from '@millrace/shared/for-agents'
import type { AgentApi } from './agent-api.ts'

type Call = <T>(send: (sessionId: SessionId) => Promise<T>) => Promise<T>

/** The calls of the API under whatever session is current; `call` registers anew where it must. */
export const underSession = (api: AgentApi, call: Call) => ({
  heartbeat: (body: Omit<HeartbeatRequest, 'sessionId'>, signal: AbortSignal) =>
    call((sessionId) => api.heartbeat({ ...body, sessionId }, signal)),
  modules: (modules: InventoryModule[], signal: AbortSignal) =>
    call((sessionId) => api.modules({ sessionId, modules }, signal)),
  installLog: (module: string, body: Omit<InstallLogRequest, 'sessionId'>, signal: AbortSignal) =>
    call((sessionId) => api.installLog(module, { ...body, sessionId }, signal)),
  claim: (claimId: string, offers: ClaimRequest['offers'], wait: number, signal: AbortSignal) =>
    call((sessionId) => api.claim({ sessionId, claimId, offers, wait }, signal)),
  logs: (run: RunId, { lines, progress, from }: LogBatch, signal: AbortSignal) =>
    call((sessionId) => api.logs(run, { sessionId, lines, progress, from }, signal)),
  askForUrls: (run: RunId, files: OutputFile[], signal: AbortSignal) =>
    call((sessionId) => api.outputs(run, { sessionId, files }, signal)),
  finish: (run: RunId, report: Omit<FinishRequest, 'sessionId'>, signal: AbortSignal) =>
    call((sessionId) => api.finish(run, { ...report, sessionId }, signal)),
})
