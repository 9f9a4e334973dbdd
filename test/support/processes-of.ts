import { readdir, readFile } from 'node:fs/promises'

/** Living processes whose environment has this text, e.g. `MILLRACE_TASK_ID=tsk_…`. State Z counts as gone. */
export async function processesWith(text: string): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter(Boolean)
  const found = await Promise.all(pids.map(async (pid) => ((await has(pid, text)) ? [pid] : [])))
  return found.flat()
}

export const processesOfTask = (task: string): Promise<number[]> => processesWith(`MILLRACE_TASK_ID=${task}`)

async function has(pid: number, text: string): Promise<boolean> {
  try {
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1')
    if (!environment.includes(text)) return false
    return !(await readFile(`/proc/${pid}/stat`, 'latin1')).match(/\) Z /)
  } catch {
    return false // it ended while we looked
  }
}
