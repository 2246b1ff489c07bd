/** Lays a graph out in a worker, so that the page goes on meanwhile; called by layout.ts. */
import type { PlaceRequest } from './layout-dagre'
import type { NodeId, Point } from './model'

/** Top-left corners of all nodes. Rejects when the worker cannot be loaded or fails. */
export async function placeAside(request: PlaceRequest): Promise<Map<NodeId, Point>> {
  if (typeof Worker === 'undefined') return (await import('./layout-dagre')).placeWithDagre(request)
  const worker = new Worker(new URL('./layout-worker.ts', import.meta.url), { type: 'module' })
  try {
    return await new Promise((resolve, reject) => {
      worker.addEventListener('message', ({ data }: MessageEvent<Map<NodeId, Point>>) => resolve(data))
      worker.addEventListener('error', (event) => reject(new Error(event.message)))
      worker.postMessage(request)
    })
  } finally {
    worker.terminate()
  }
}
