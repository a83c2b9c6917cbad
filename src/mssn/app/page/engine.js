// What the page asks of an engine, whichever computes: one in this browser, or the local app.

/**
 * @typedef {object} Model
 * @property {string} name "mssn-s", ... or "bicubic"
 * @property {number[]} scales factors with weights for clean pictures; empty: any factor
 * @property {number[]} photo factors with weights for photographs as they are stored
 * @property {number[]} told those of them whose weights are told a strength
 * @property {Record<string, number>} bytes what a factor's weights take to load
 */

/**
 * @typedef {object} Options
 * @property {string} model
 * @property {number} scale above 0, at most 16
 * @property {"auto" | "photo" | "clean"} variant
 * @property {number | null} strength 0 to 1; null: what suits each file
 * @property {string} format "same", or one of the engine's formats
 * @property {number | null} quality 1 to 100; null: the format's usual one
 * @property {"keep" | "strip"} metadata
 */

/** @typedef {{width: number, height: number}} Size in pixels */

/**
 * @typedef {object} Result
 * @property {Blob} blob the file
 * @property {string} name what it is called: photo_x2.png
 * @property {Size} before
 * @property {Size} after
 * @property {string} model the weights that were taken: "mssn-s-photo"
 * @property {number | null} strength what they were told
 * @property {number} seconds
 * @property {string[]} notes lines to show, such as what could not be kept
 */

/**
 * @typedef {object} Engine
 * @property {"browser" | "server"} kind
 * @property {Model[]} models
 * @property {string[]} formats those that can be written
 * @property {string} accept for `<input accept>`
 * @property {boolean} films whether films are taken, too
 * @property {number} cores
 * @property {string} backend
 * @property {string | null} note a line to show
 * @property {(file: File, options: Options,
 *   how: {signal: AbortSignal, progress: (share: number) => void}) => Promise<Result>} upscale
 *   rejects with an EngineError; `progress` may be called often; the signal acts within a second
 * @property {() => Promise<{file: File, options: Options}[]>} [earlier] what this tab began before it was
 *   loaded again, to be given to `upscale` as it is
 * @property {() => void} close
 */

/** @typedef {() => Promise<Engine>} Start */

/** Why a picture was not enlarged. The code has words in texts.js; the message says more. */
export class EngineError extends Error {
  /**
   * @param {"not-a-picture" | "unreadable" | "unsupported" | "too-large" | "cancelled" | "offline" | "busy" | "gone"
   *   | "failed"} code
   * @param {string} [message]
   */
  constructor(code, message = "") {
    super(message);
    this.name = "EngineError";
    this.code = code;
  }
}
