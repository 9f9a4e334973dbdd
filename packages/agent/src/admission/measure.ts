import { readFileSync } from 'node:fs'
import type { GpuHold } from '../machine/gpu/nvidia-smi.ts'
import type { Measured } from './account.ts'
import type { Reservation } from './reservation.ts'

const pageBytes = 4096

/** GPU memory of each reservation's processes, by reservation id. They form the process group of the reservation's pid. */
export function measureGpuMemory(reservations: readonly Reservation[], holds: readonly GpuHold[]): Measured {
  const measured = new Map<number, number>()
  if (holds.length === 0) return measured
  const groups = new Map(holds.map(({ pid }) => [pid, groupOf(pid)]))
  for (const reservation of reservations) {
    if (reservation.pid === null) continue
    const own = holds.filter(({ gpu, pid }) => gpu === reservation.gpu && groups.get(pid) === reservation.pid)
    if (own.length > 0)
      measured.set(
        reservation.id,
        own.reduce((total, { bytes }) => total + bytes, 0),
      )
  }
  return measured
}

/** Resident memory of each reservation's process, by reservation id, where `/proc` shows it. */
export function measureRam(reservations: readonly Reservation[]): Measured {
  const measured = new Map<number, number>()
  if (process.platform !== 'linux') return measured
  for (const { id, pid } of reservations) {
    const resident = pid === null ? null : residentBytes(pid)
    if (resident !== null) measured.set(id, resident)
  }
  return measured
}

/** `null` when the process has ended. */
export function residentBytes(pid: number): number | null {
  const [, pages] = read(`/proc/${pid}/statm`)?.split(' ') ?? []
  return pages === undefined ? null : Number(pages) * pageBytes
}

function groupOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === null) return pid
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ', 3)[2])
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return null // the process has ended, or the system has no /proc
  }
}
