import type { Api, BodyAt, QueryAt } from '../api.ts'
import type {
  AuditEntry,
  BrowserGrant,
  GrantCreated,
  GrantId,
  Key,
  KeyCreated,
  KeyId,
  TicketCreated,
} from '../contract.gen.ts'
import type { Page } from '../page.ts'

export const accessCalls = ({ call }: Api) => ({
  createKey: (key: BodyAt<'POST /api/keys'>): Promise<KeyCreated> => call('POST /api/keys', { body: key }),
  listKeys: (query: QueryAt<'GET /api/keys'> = {}): Promise<Page<Key>> => call('GET /api/keys', { query }),
  deleteKey: async (id: KeyId): Promise<void> => {
    await call('DELETE /api/keys/{id}', { params: { id } })
  },
  /** A token that a page may have in place of a key. */
  createGrant: (grant: BodyAt<'POST /api/grants'>): Promise<GrantCreated> =>
    call('POST /api/grants', { body: grant }),
  listGrants: (query: QueryAt<'GET /api/grants'> = {}): Promise<Page<BrowserGrant>> =>
    call('GET /api/grants', { query }),
  revokeGrant: async (id: GrantId): Promise<void> => {
    await call('DELETE /api/grants/{id}', { params: { id } })
  },
  /** Opens a path with `?ticket=` for 60 s, for callers that can send no header. */
  createTicket: (path: string): Promise<TicketCreated> => call('POST /api/tickets', { body: { path } }),
  /** Who changed what, newest first. */
  listAudit: (query: QueryAt<'GET /api/audit'> = {}): Promise<Page<AuditEntry>> =>
    call('GET /api/audit', { query }),
})
