// An engine for tests of the page: it enlarges by canvas, slowly and wrongly on demand. A file's name says
// what becomes of it: "slow" takes 30 steps of 100 ms; "broken", "huge", "gone" and others fail.

import { EngineError } from "./engine.js";

const wishes = new URLSearchParams(location.search);
const CODES = {
  broken: "not-a-picture",
  odd: "unsupported",
  huge: "too-large",
  gone: "gone",
  busy: "busy",
  bug: null,
};
const TYPES = { jpg: "jpeg", jpeg: "jpeg", webp: "webp" };
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
let failures = Number(wishes.get("failures") ?? 1e9);

export async function start() {
  const excuse = new URLSearchParams(location.search).get("start");
  if (excuse) throw new EngineError("offline", excuse);
  if (wishes.has("late")) await new Promise((ready) => addEventListener("engine", ready, { once: true }));
  const kind = wishes.get("kind") ?? "browser";
  const scales = [2, 3, 4];
  const weights = (name, size) => ({
    name,
    scales,
    photo: scales,
    told: [2, 4],
    bytes: { 2: size, 3: size, 4: size },
  });
  return {
    kind,
    models: [
      weights("mssn-s", 190549),
      weights("mssn-m", 618874),
      weights("mssn", 1760873),
      { name: "bicubic", scales: [], photo: [], told: [], bytes: {} },
    ],
    formats: kind === "server" ? ["png", "jpeg", "webp", "tiff", "avif"] : ["png", "jpeg", "webp"],
    accept: kind === "server" ? "image/*,video/*" : "image/*",
    films: kind === "server",
    cores: 4,
    backend: kind === "server" ? "native" : "kernels",
    note: wishes.get("note"),
    upscale,
    close() {},
  };
}

/** What was asked of the engine, in order, for tests to read. */
globalThis.asked = [];
/** The files that came out. */
globalThis.made = [];
let working = 0;

async function upscale(file, options, { signal, progress }) {
  const ask = { name: file.name, options, steps: 0 };
  globalThis.asked.push(ask);
  if (++working > 1) throw new Error("two at a time");
  try {
    return await enlarge(file, options, signal, (share) => {
      ask.steps++;
      progress(share);
    });
  } finally {
    working--;
  }
}

async function enlarge(file, options, signal, progress) {
  const begun = performance.now();
  const steps = file.name.includes("slow") ? 30 : 3;
  for (let step = 0; step < steps; step++) {
    await wait(file.name.includes("slow") ? 100 : Number(wishes.get("pace") ?? 5));
    if (signal.aborted) throw new EngineError("cancelled");
    progress((step + 1) / steps);
  }
  const fault = Object.keys(CODES).find((word) => file.name.includes(word));
  if (fault && failures-- > 0) {
    throw CODES[fault] ? new EngineError(CODES[fault], `${file.name}: on demand`) : new TypeError("a bug");
  }
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new EngineError("not-a-picture");
  });
  const before = { width: bitmap.width, height: bitmap.height };
  const after = {
    width: Math.round(before.width * options.scale),
    height: Math.round(before.height * options.scale),
  };
  const canvas = new OffscreenCanvas(after.width, after.height);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, after.width, after.height);
  const dot = file.name.lastIndexOf(".");
  const ending = file.name.slice(dot + 1).toLowerCase();
  const format = options.format === "same" ? (TYPES[ending] ?? "png") : options.format;
  const type = `image/${format}`;
  const kept = options.format === "same" && (ending in TYPES || ending === "png");
  const newEnding = kept ? ending : format === "jpeg" ? "jpg" : format;
  const blob = await canvas.convertToBlob({ type, quality: (options.quality ?? 92) / 100 });
  globalThis.made.push(blob);
  return {
    blob,
    name: `${file.name.slice(0, dot)}_x${options.scale}.${newEnding}`,
    before,
    after,
    model: options.variant === "clean" ? options.model : `${options.model}-photo`,
    strength: options.variant === "clean" ? null : (options.strength ?? 0.65),
    seconds: (performance.now() - begun) / 1000,
    notes: file.name.includes("noted") ? ["16 bits a channel became 8"] : [],
  };
}
