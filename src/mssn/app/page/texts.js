// Every word that the page says. Another language is another file like this one.

const locale = "en";
const number = new Intl.NumberFormat(locale);
const factors = new Intl.NumberFormat(locale, { maximumSignificantDigits: 4 });
const percentage = new Intl.NumberFormat(locale, { style: "percent" });
const units = ["byte", "kilobyte", "megabyte", "gigabyte"].map(
  (unit) =>
    new Intl.NumberFormat(locale, {
      style: "unit",
      unit,
      unitDisplay: unit === "byte" ? "long" : "short",
      maximumSignificantDigits: 3,
    }),
);

const counted = (count, one, many) => `${number.format(count)} ${count === 1 ? one : many}`;

/** What so many files are, of which so many are films. */
function things(count, films) {
  if (films === 0) return counted(count, "picture", "pictures");
  return films === count ? counted(count, "film", "films") : counted(count, "file", "pictures and films");
}

export const percent = (share) => percentage.format(share);

/** 1234567 -> "1.23 MB" */
export function bytes(count) {
  const step = count < 1000 ? 0 : Math.min(3, Math.floor(Math.log10(count) / 3));
  return units[step].format(count / 1000 ** step);
}

/** 0.42 -> "0.4 s", 75 -> "1 min 15 s", 180 -> "3 min" */
export function duration(seconds) {
  if (seconds < 10) return `${seconds < 0.1 ? "0.1" : seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [large, small, count] = whole < 3600 ? ["min", "s", whole] : ["h", "min", Math.floor(whole / 60)];
  return `${Math.floor(count / 60)} ${large}${count % 60 ? ` ${count % 60} ${small}` : ""}`;
}

export const size = ({ width, height }) => `${width} × ${height}`;

const left = (seconds) => {
  if (seconds < 5) return "a few seconds left";
  return `about ${duration(seconds < 60 ? Math.ceil(seconds / 5) * 5 : Math.ceil(seconds / 60) * 60)} left`;
};

/** The texts of index.html, by its data-text, data-label and data-title attributes. */
export const fixed = {
  tagline: "Enlarge pictures, and keep them sharp",
  chooseFolder: "Choose a folder",
  pictures: "Pictures",
  zipAll: "Download all",
  cancelAll: "Cancel all",
  retryAll: "Try all again",
  againAll: "Redo with new options",
  removeAll: "Remove all",
  dismiss: "Dismiss",
  goOn: "Try again",
  options: "Options",
  scale: "How much larger",
  scaleOther: "Other",
  scaleOwn: "Own factor",
  model: "Quality",
  clean: "Clean up compression",
  cleanAuto: "Automatic",
  cleanOff: "Off",
  cleanOwn: "By hand",
  cleanHint: "Removes blocks and noise. Automatic: as each file needs it.",
  strength: "Strength",
  format: "Save as",
  formatSame: "Same format",
  quality: "Compression quality",
  qualityAuto: "Automatic",
  qualityOwn: "By hand",
  qualityValue: "Quality",
  metadata: "Keep date, camera and place",
  compare: "Compare before and after",
  zoom: "Zoom",
  close: "Close",
  download: "Download",
  before: "Before",
  after: "After",
  divider: "Divider between before and after",
  stage: "Picture. Arrow keys move it.",
  map: "The part that is shown",
  compareHint: "Drag the line to compare, the picture to move it.",
  compareKeys: "Arrow keys work, too.",
  list: "Your pictures",
};

/**
 * What the place for files says: at first, when there are some, how it is done, and its button.
 *
 * @param {boolean} drags whether files can be dragged here
 * @param {boolean} films whether films are taken, too
 */
export function invitation(drags, films) {
  const [or, and] = films ? ["pictures or films", "pictures and films"] : ["pictures", "pictures"];
  const words = drags
    ? [`Drop ${or} here`, "Drop or paste more", "One, many, or whole folders. Pasting works, too."]
    : [`Make ${and} larger`, `More ${or}?`, "One or many, from your photos or files"];
  return [...words, `Choose ${or}`];
}

const models = {
  "mssn-s": ["Fast", "MSSN-S"],
  "mssn-m": ["Better", "MSSN-M, 3 times as long"],
  mssn: ["Best", "MSSN, 9 times as long"],
  bicubic: ["Plain", "Bicubic, no network"],
};

/** A model in plain words, and its name. */
export const modelWords = (name) => models[name] ?? [name, ""];

const formats = {
  same: fixed.formatSame,
  png: "PNG",
  jpeg: "JPEG",
  webp: "WebP",
  tiff: "TIFF",
  jxl: "JPEG XL",
};
export const formatWords = (name) => formats[name] ?? name.toUpperCase();

export const times = (factor) => `${factors.format(factor)}×`;

/** @param {number} kept the factor that holds meanwhile */
export const scaleWrong = (kept) => `A number above 0, up to 16; until then it is ${times(kept)}`;

/** The options in one line, for narrow screens. */
export function inShort({ model, scale, variant, strength, format }) {
  const clean =
    strength === null ? { auto: "", clean: "no clean-up" }[variant] : `clean-up ${percent(strength)}`;
  return [times(scale), modelWords(model)[0], clean, format === "same" ? "" : formatWords(format)]
    .filter(Boolean)
    .join(", ");
}

/** Where the pictures go: true of the browser's engine, of the app here, and of one on another computer. */
export function privacy({ kind, films }, host) {
  const yours = films ? "Your pictures and films" : "Your pictures";
  const here = `${yours} never leave this device`;
  if (kind === "browser") return [here, "This page computes in your browser, and sends nothing anywhere."];
  if (["localhost", "127.0.0.1", "[::1]"].includes(host)) {
    return [here, "The app on this computer enlarges them, and sends nothing anywhere."];
  }
  return [
    `${yours} go to ${host}`,
    `The app on ${host} enlarges them, and sends nothing anywhere else.`,
  ];
}

export const machine = ({ kind, cores }) =>
  `${kind === "browser" ? "Computed in this browser" : "Computed by the app"} on ` +
  counted(cores, "core", "cores");

const errors = {
  "not-a-picture": "This file is not a picture that can be read.",
  unreadable: "This file was changed, moved or deleted, or may not be read. Choose it again.",
  unsupported: "Pictures of this kind cannot be read here.",
  "too-large": "This picture is too large to be enlarged here.",
  offline: "What this needs is not stored here yet. Connect to the internet once, then try again.",
  busy: "Too many pictures are waiting. Try again in a moment.",
  gone: "What enlarges the pictures has stopped.",
  failed: "Something went wrong.",
};

/** What an engine notes in short clauses, with a capital letter. */
export const sentence = (text) => text && text[0].toUpperCase() + text.slice(1);

const filmErrors = {
  "not-a-picture": "This film cannot be read.",
  unsupported: "This film cannot be enlarged.",
  "too-large": "This film is too large to be enlarged here.",
};

/** What an error is in words, and what the engine says of it besides ("is an icon": of the file). */
export function errorWords({ code, message }, film = false) {
  const words = (film && filmErrors[code]) || errors[code] || errors.failed;
  const more = code === "offline" || message === code ? "" : message.replace(/^is /, "It is ");
  return [words, sentence(more)];
}

export const startFailed = (error) =>
  ["The page could not get ready.", ...errorWords(error)].join(" ").trim();
export const goneBanner = (kind) =>
  kind === "server"
    ? "The app does not answer, or was started anew. Start mssn again if need be, and open the address " +
      "that it prints in this browser; then what is waiting here can go on."
    : "The computation stopped, perhaps for want of memory. What is waiting can go on.";

export const row = {
  waiting: "Waiting",
  starting: "Starting",
  finishing: "Finishing",
  cancelled: "Cancelled",
  compare: "Compare",
  download: "Download",
  saved: "Saved",
  savedAgain: (name) => `Saved ${name}, download again`,
  cancel: "Cancel",
  retry: "Try again",
  again: "Redo",
  remove: "Remove",
  working: (share, seconds) => (seconds === null ? percent(share) : `${percent(share)}, ${left(seconds)}`),
  bar: (name) => `Progress of ${name}`,
  planned: (before, after) => `${size(before)} to ${size(after)}`,
  /** What came out: sizes, bytes, seconds. */
  done: ({ before, after, blob, seconds }) => [
    `${size(before)} to ${size(after)}`,
    bytes(blob.size),
    duration(seconds),
  ],
  how: ({ model, strength }) => (strength === null ? model : `${model}, clean-up ${percent(strength)}`),
};

/** "photo.jpg" and "Remove" -> what a screen reader calls the button. */
export const about = (verb, name) => `${verb} ${name}`;

/** How many are done of so many files, of which so many are films. */
export const count = (done, all, films) =>
  done === all ? things(all, films) : `${number.format(done)} of ${things(all, films)}`;
export const countState = (done, all, failed, cancelled) =>
  done === all
    ? ""
    : [
        "done",
        failed ? `${number.format(failed)} failed` : "",
        cancelled ? `${number.format(cancelled)} cancelled` : "",
      ]
        .filter(Boolean)
        .join(", ");
export const noFile = "There is no file in that. Save the picture as a file, then choose or drop it.";
export const zipping = "Packing";
export const zipName = "enlarged.zip";
export const pastedName = (type) => `pasted.${{ "image/jpeg": "jpg" }[type] ?? type.split("/")[1] ?? "png"}`;

const filmsElsewhere = 'Films are enlarged by the app: install mssn on a computer, and run "mssn app".';

/**
 * Names of files that were passed over, in one line.
 *
 * @param {string[]} names
 * @param {{taken: boolean, missed: boolean}} films whether they are taken, and whether some were passed over
 */
export function passedOver(names, { taken, missed }) {
  const shown = names.slice(0, 5).join(", ");
  const more = names.length > 5 ? ` and ${number.format(names.length - 5)} more` : "";
  const [one, many] = taken ? ["a picture or film", "pictures or films"] : ["a picture", "pictures"];
  const what = names.length === 1 ? one : many;
  return `Passed over, not ${what}: ${shown}${more}${missed ? `. ${filmsElsewhere}` : ""}`;
}

export const title = (open, share) => (open ? `${percent(share)} · mssn` : "mssn: enlarge pictures");

export const said = {
  added: (count, films) => `${things(count, films)} added`,
  removed: (name) => `${name} removed`,
  working: (name, share) => `${name}: ${percent(share)}`,
  done: (name, result, done, all) => `${name} is done, ${size(result.after)} pixels. ${done} of ${all}.`,
  failed: (name, words) => `${name}: ${words}`,
  cancelled: (name) => `${name} cancelled`,
  saved: (name) => `${name} saved`,
};

export const compareTo = {
  before: ({ before }) => `${fixed.before}, ${size(before)}`,
  after: ({ after }) => `${fixed.after}, ${size(after)}`,
  divider: (share) => `${percent(share)} before, ${percent(1 - share)} after`,
  part: (part) => `${percent(part.width)} of its width, ${percent(part.height)} of its height are shown`,
  zoom: (factor) => percent(factor),
  tooLarge: "This result is too large to be shown here. Download it to look at it.",
  unseen: "This browser cannot show pictures of this kind. Download it to look at it.",
};
