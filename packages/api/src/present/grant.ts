import type { BrowserGrant } from '@millrace/shared'
import type { GrantDoc } from '../store/documents/access.ts'

export const presentGrant = (grant: GrantDoc): BrowserGrant => ({
  id: grant._id,
  maxUploads: grant.maxUploads,
  maxUploadBytes: grant.maxUploadBytes,
  contentTypes: grant.contentTypes,
  maxTasks: grant.maxTasks,
  modules: grant.modules,
  uploads: grant.uploads.length,
  tasks: grant.tasks.length,
  createdAt: grant.createdAt.toISOString(),
  expiresAt: grant.expiresAt.toISOString(),
})
