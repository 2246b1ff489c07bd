/** Types of what is dragged inside the page. */

/** A node class out of the library. */
export const NODE_DRAG = 'application/x-comfy-node'
/** A picture of the server, as JSON of its file reference. */
export const FILE_DRAG = 'application/x-comfy-file'
