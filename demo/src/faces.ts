import type { Task } from '@millrace/client'
import { say } from './say.ts'

export type Face = { x: number; y: number; width: number; height: number }

export function facesOf(task: Task): Face[] {
  const faces = task.result?.faces
  return Array.isArray(faces) ? faces.filter(isFace) : []
}

function isFace(value: unknown): value is Face {
  return (
    typeof value === 'object' &&
    value !== null &&
    'x' in value &&
    'y' in value &&
    'width' in value &&
    'height' in value
  )
}

export function tellFaces(faces: readonly Face[]): void {
  say('')
  say(faces.length === 0 ? 'No face.' : faces.length === 1 ? 'One face:' : `${faces.length} faces:`)
  for (const { x, y, width, height } of faces) say(`  x=${x} y=${y} w=${width} h=${height}`)
}
