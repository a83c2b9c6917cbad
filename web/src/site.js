// The page on a static host: its engine runs in the browser, and a service worker keeps it for offline use.
// FILES (name -> name with its checksum) comes from build.mjs.
import { run } from "../../src/mssn/app/page/main.js";
import { EngineError } from "../../src/mssn/app/page/engine.js";
import { start } from "./engine.js";
import { unpacked } from "./unpack.js";
import { keepOffline } from "./offline.js";

const address = (name) => new URL(FILES[name] ?? FILES[`${name}.gz`], document.baseURI);

/** The bytes of one of the site's files. */
async function asset(name) {
  let response;
  try {
    response = await fetch(address(name));
  } catch {
    throw new EngineError("offline", name);
  }
  if (!response.ok) throw new EngineError("offline", `${name}: ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  return FILES[name] ? bytes : unpacked(bytes);
}

const makeWorker = (name) => new Worker(address(`${name}.js`));

document.getElementById("stuck").remove();
run(async () => {
  await keepOffline();
  return start({ asset, makeWorker });
});
