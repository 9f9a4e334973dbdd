/** What the npm scripts run: `start.ts [servers | api | agent | compose-env]`. */
import { resolve } from 'node:path'
import { startHere } from './supervise/start-here.ts'

await startHere(resolve(import.meta.dirname, '../..'))
