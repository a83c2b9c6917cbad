// The page as one file that opens from disk: all it needs lies in it.
// WORKERS (name -> source) comes from build.mjs.
import { run } from "../../src/mssn/app/page/main.js";
import { EngineError } from "../../src/mssn/app/page/engine.js";
import { start } from "./engine.js";
import { unpacked } from "./unpack.js";

const element = (name) => document.querySelector(`[data-asset="${CSS.escape(name)}"]`);
const hasAsset = (name) => element(name) !== null || element(`${name}.gz`) !== null;

async function asset(name) {
  const [plain, packed] = [element(name), element(`${name}.gz`)];
  if (!plain && !packed) throw new EngineError("offline", name);
  const text = atob((plain ?? packed).textContent);
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  return plain ? bytes : unpacked(bytes);
}

function makeWorker(name) {
  const place = URL.createObjectURL(new Blob([WORKERS[name]], { type: "text/javascript" }));
  const worker = new Worker(place);
  setTimeout(() => URL.revokeObjectURL(place), 60_000);
  return worker;
}

run(() => start({ asset, makeWorker, hasAsset }));
