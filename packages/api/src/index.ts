export { type AppOptions, createApp } from './app.ts'
export { type CrashPoint, crashPoints } from './operations/crash-points.ts'
