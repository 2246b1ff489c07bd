/** Node classes for tests, declared in the server's own form: `/object_info` entries as plain data. */
import { readObjectInfo, type Definitions } from '../definitions/object-info'
import { parseLossless } from '../formats/lossless-json'

const SAMPLERS = ['euler', 'euler_ancestral', 'heun']
const SCHEDULERS = ['normal', 'karras', 'simple']

const entry = (input: object, output: string[], more: object = {}): object => ({
  input,
  output,
  output_is_list: output.map(() => false),
  output_name: output,
  output_node: false,
  category: 'test',
  description: '',
  python_module: 'nodes',
  display_name: null,
  ...more,
})

const OBJECT_INFO: Record<string, object> = {
  CheckpointLoaderSimple: entry({ required: { ckpt_name: [['demo.safetensors', 'sub/other.safetensors']] } }, [
    'MODEL',
    'CLIP',
    'VAE',
  ]),
  CLIPTextEncode: entry(
    { required: { text: ['STRING', { multiline: true, dynamicPrompts: true }], clip: ['CLIP'] } },
    ['CONDITIONING'],
    { display_name: 'CLIP Text Encode (Prompt)', category: 'conditioning' },
  ),
  EmptyLatentImage: entry(
    {
      required: {
        width: ['INT', { default: 512, min: 16, max: 16384, step: 8 }],
        height: ['INT', { default: 512, min: 16, max: 16384, step: 8 }],
        batch_size: ['INT', { default: 1, min: 1, max: 4096 }],
      },
    },
    ['LATENT'],
    { display_name: 'Empty Latent Image' },
  ),
  KSampler: entry(
    {
      required: {
        model: ['MODEL'],
        seed: ['INT', { default: 0, min: 0, max: '@18446744073709551615', control_after_generate: true }],
        steps: ['INT', { default: 20, min: 1, max: 10000 }],
        cfg: ['FLOAT', { default: 8, min: 0, max: 100, step: 0.1, round: 0.01 }],
        sampler_name: [SAMPLERS],
        scheduler: [SCHEDULERS],
        positive: ['CONDITIONING'],
        negative: ['CONDITIONING'],
        latent_image: ['LATENT'],
        denoise: ['FLOAT', { default: 1, min: 0, max: 1, step: 0.01 }],
      },
    },
    ['LATENT'],
    { category: 'sampling' },
  ),
  VAEDecode: entry({ required: { samples: ['LATENT'], vae: ['VAE'] } }, ['IMAGE']),
  VAEEncode: entry({ required: { pixels: ['IMAGE'], vae: ['VAE'] } }, ['LATENT']),
  SaveImage: entry(
    {
      required: { images: ['IMAGE'], filename_prefix: ['STRING', { default: 'ComfyUI' }] },
      hidden: { prompt: 'PROMPT', extra_pnginfo: 'EXTRA_PNGINFO' },
    },
    [],
    { output_node: true, display_name: 'Save Image' },
  ),
  LoadImage: entry({ required: { image: [['a.png', 'b.png'], { image_upload: true }] } }, ['IMAGE', 'MASK']),
  ImageScale: entry(
    {
      required: {
        image: ['IMAGE'],
        upscale_method: ['COMBO', { multiselect: false, options: ['nearest', 'area'] }],
        width: ['INT', { default: 512 }],
        crop: [['disabled', 'center']],
      },
    },
    ['IMAGE'],
  ),
  ImageBlend: entry(
    { required: { image1: ['IMAGE'], image2: ['IMAGE'], factor: ['FLOAT', { default: 0.5, min: 0, max: 1 }] } },
    ['IMAGE'],
  ),
  PickCombo: entry({ required: { choice: [['a', 'b', 'c'], { control_after_generate: true }] } }, ['STRING']),
  ForcedInput: entry(
    {
      required: {
        text: ['STRING', { forceInput: true }],
        amount: ['INT', { default: 3, min: 0, max: 9 }],
        name: ['STRING', { default: 'n' }],
      },
    },
    ['STRING'],
  ),
  Swap: entry({ required: { mask: ['MASK'], image: ['IMAGE'] } }, ['IMAGE', 'MASK']),
  ListTaker: entry({ required: { values: ['CURVE', { default: [] }] } }, ['FLOAT'], { output_node: true }),
}

/** The classes above, read as the page reads them. */
export function testDefinitions(): Definitions {
  // Big integers are written as digits, as the server does.
  return readObjectInfo(parseLossless(JSON.stringify(OBJECT_INFO).replace(/"@(\d+)"/g, '$1')))
}
