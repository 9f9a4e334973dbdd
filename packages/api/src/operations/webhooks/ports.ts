import type { Ports } from '../../ports.ts'
import type { Resolve } from './addresses.ts'

export type WebhookPorts = Ports & { webhooks: { allowPrivate: boolean; resolve: Resolve } }
