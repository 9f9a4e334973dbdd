import type { Task } from '@millrace/client'

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

/** One line for a person. */
export function describeFaces(faces: readonly Face[]): string {
  const places = faces.map(({ x, y, width, height }) => `x=${x} y=${y} w=${width} h=${height}`)
  const count = faces.length === 1 ? 'one face' : `${faces.length} faces`
  return faces.length === 0 ? '  no face' : `  ${count}: ${places.join(', ')}`
}
