// Builds the static site: node build.mjs [OUT]   (default ../site)
//
// OUT/ holds plain files for any static host and any sub-path, and mssn.html, the whole page in one file that
// opens from disk. What the site is made of is told to the service worker, file by file with its checksum.
import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const WEB = dirname(fileURLToPath(import.meta.url));
const PAGE = join(WEB, "../src/mssn/app/page");
const OUT = resolve(process.argv[2] ?? join(WEB, "../site"));
const PYTHON = process.env.PYTHON ?? join(WEB, "../.venv/bin/python");

// What the page carries that is no JavaScript, compressed here because not every host does.
const WASM = {
  "kernels.wasm": "src/network/kernels.wasm",
  "kernels-relaxed.wasm": "src/network/kernels-relaxed.wasm",
  "jpeg-decode.wasm": "node_modules/@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm",
  "webp-decode.wasm": "node_modules/@jsquash/webp/codec/dec/webp_dec.wasm",
  "webp-encode.wasm": "node_modules/@jsquash/webp/codec/enc/webp_enc_simd.wasm",
};
/** Whether a file is fetched when it is first needed; the one that opens from disk goes without. */
const onDemand = (name) => name.endsWith(".onnx") && !/^models[/]mssn-s-(photo-)?x2[.]/.test(name);

/** Seen for as long as no script has run. */
const STUCK =
  "This page needs a browser of 2023 or later, and a web server. From a disk, open mssn.html in its place.";

const policy = (script, style) =>
  [
    "default-src 'none'",
    `script-src ${script} 'wasm-unsafe-eval'`,
    `style-src ${style}`,
    "img-src 'self' blob: data:",
    "worker-src 'self' blob:",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");

const sha256 = (bytes, form) => createHash("sha256").update(bytes).digest(form);

/** One JavaScript or CSS file of an entry and all it imports. */
async function bundle(entry, format, define = {}) {
  const made = await build({
    entryPoints: [resolve(WEB, entry)],
    bundle: true,
    format,
    minify: true,
    write: false,
    target: ["chrome94", "firefox93", "safari16.4"],
    external: ["node:*", "fs", "path", "module", "url", "worker_threads"],
    define: { "import.meta.url": '"about:page"', ...define },
    legalComments: "inline",
    logLevel: "warning",
  });
  return made.outputFiles[0].text;
}

/** A page's HTML with its style, script and policy in place of the app's. */
function html({ style, script, csp, rest = "", warning = "" }) {
  const page = readFileSync(join(PAGE, "index.html"), "utf8");
  const put = (text, pattern, replacement) => {
    if (!pattern.test(text)) throw new Error(`index.html has no ${pattern}`);
    return text.replace(pattern, () => replacement);
  };
  let made = put(page, /<link rel="stylesheet"[^>]*>/, style);
  made = put(made, /<script type="module"[^>]*><\/script>/, "");
  made = put(made, /<main>/, `${warning}<main>`);
  made = put(made, /<\/body>/, `${script}\n</body>`); // at the end, because one within a file does not wait
  return put(made, /<meta charset="utf-8"[^>]*>/i, `<meta charset="utf-8">\n${csp}${rest}`);
}

const meta = (content) => `<meta http-equiv="Content-Security-Policy" content="${content}">`;

async function main() {
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  execFileSync(PYTHON, [join(WEB, "models.py"), join(OUT, "models")], { stdio: "inherit" });

  const style = await bundle(join(PAGE, "style.css"));
  const workers = {};
  for (const name of ["worker", "network"]) workers[name] = await bundle(`src/${name}.js`, "iife");
  const assets = new Map(
    Object.entries(WASM).map(([name, path]) => [`${name}.gz`, gzipSync(readFileSync(join(WEB, path)), { level: 9 })]),
  );
  for (const name of readdirSync(join(OUT, "models"))) {
    assets.set(`models/${name}`, readFileSync(join(OUT, "models", name)));
  }

  // The site: files with names of their content, so that two versions never mix.
  const named = {};
  const put = (name, content) => {
    const [, stem, ending] = /^(.*?)([.][^/]*)$/.exec(name);
    named[name] = `${stem}.${sha256(content, "hex").slice(0, 12)}${ending}`;
    const path = join(OUT, named[name]);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  };
  rmSync(join(OUT, "models"), { recursive: true });
  for (const [name, content] of assets) put(name, content);
  for (const name of ["worker", "network"]) put(`${name}.js`, workers[name]);
  put("style.css", style);
  put("main.js", await bundle("src/site.js", "esm", { FILES: JSON.stringify(named) }));
  for (const extra of ["icon.svg", "manifest.webmanifest"]) cpSync(join(WEB, "static", extra), join(OUT, extra));
  writeFileSync(
    join(OUT, "index.html"),
    html({
      style: `<link rel="stylesheet" href="${named["style.css"]}">`,
      script: `<script type="module" src="${named["main.js"]}"></script>`,
      csp: meta(policy("'self'", "'self'")),
      rest: '\n<link rel="manifest" href="manifest.webmanifest">',
      warning: `<p class="banner stuck" id="stuck">${STUCK}</p>\n`,
    }),
  );
  writeFileSync(join(OUT, "sw.js"), await serviceWorker());

  // All of it in one file.
  const single = [...assets].filter(([name]) => !onDemand(name));
  const script = await bundle("src/single.js", "iife", {
    WORKERS: JSON.stringify(workers),
  });
  const data = single
    .map(([name, content]) => `<script type="text/plain" data-asset="${name}">${content.toString("base64")}</script>`)
    .join("\n");
  const safe = script.replaceAll("</script", "<\\/script");
  writeFileSync(
    join(OUT, "mssn.html"),
    html({
      style: `<style>${style}</style>`,
      script: `${data}\n<script>${safe}</script>`,
      csp: meta(policy(`'sha256-${sha256(safe, "base64")}' blob:`, `'sha256-${sha256(style, "base64")}'`)),
    }),
  );
  for (const file of everything()) console.log(`${file.padEnd(48)} ${readFileSync(join(OUT, file)).length}`);
}

const everything = () =>
  readdirSync(OUT, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(OUT, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();

/** The service worker, which knows every file; what each model alone needs is fetched when it is. */
async function serviceWorker() {
  const files = Object.fromEntries(
    everything()
      .filter((name) => name !== "mssn.html")
      .map((name) => [name, sha256(readFileSync(join(OUT, name)), "hex")]),
  );
  const later = Object.keys(files).filter(onDemand);
  const version = sha256(JSON.stringify(files), "hex").slice(0, 16);
  return bundle("src/sw.js", "iife", {
    FILES: JSON.stringify(files),
    LATER: JSON.stringify(later),
    VERSION: JSON.stringify(version),
  });
}

if (!existsSync(join(WEB, "node_modules"))) {
  console.error("web/node_modules is missing; run npm ci in web/ first");
  process.exit(2);
}
await main();
