import { Counter, Histogram, type Registry } from 'prom-client'
import type { Meter } from '../process/meter.ts'

/** Figures of this process: claims, runs and the jobs of its tick. */
export function meterRuns(meter: Meter, registers: Registry[]): void {
  const runs = new Histogram({
    name: 'millrace_run_duration_seconds',
    help: 'From the claim of a run to its report',
    labelNames: ['module', 'status'],
    buckets: [0.1, 0.5, 1, 2.5, 5, 15, 60, 300, 1_800, 7_200],
    registers,
  })
  const claims = new Histogram({
    name: 'millrace_claim_latency_seconds',
    help: 'From the moment a task was ready to its claim',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600, 3_600],
    registers,
  })
  const jobs = new Histogram({
    name: 'millrace_tick_job_seconds',
    help: 'Length of each job of the tick',
    labelNames: ['job'],
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 5, 15],
    registers,
  })
  const failures = new Counter({
    name: 'millrace_tick_job_failures_total',
    help: 'Jobs of the tick that failed; the next tick retries them',
    labelNames: ['job'],
    registers,
  })
  meter.runEnded = (run, seconds) => runs.observe(run, seconds)
  meter.claimed = (seconds) => claims.observe(seconds)
  meter.jobDone = (job, seconds, hasFailed) => {
    jobs.observe({ job }, seconds)
    if (hasFailed) failures.inc({ job })
  }
}
