import type { Watchdog } from '../processes/watchdog.ts'
import type { Report } from '../report/report.ts'
import type { Settings } from './settings.ts'

/** Shared by everything that `npm start` supervises. */
export type Supervision = { settings: Settings; watchdog: Watchdog; report: Report; stopping: AbortSignal }
