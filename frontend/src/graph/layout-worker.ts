/** The worker in which graphs are laid out; started by place-aside.ts. */
import { placeWithDagre, type PlaceRequest } from './layout-dagre'

self.addEventListener('message', ({ data }: MessageEvent<PlaceRequest>) => {
  self.postMessage(placeWithDagre(data))
})
