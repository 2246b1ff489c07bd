/** Widget types whose value comes from a device or a scene on the page, which this editor cannot take yet. */

/** Camera, microphone, 3D scenes. Their values are kept and sent like others. */
export const CAPTURES: ReadonlySet<string> = new Set(['WEBCAM', 'AUDIO_RECORD', 'LOAD_3D', 'LOAD_3D_ANIMATION'])
