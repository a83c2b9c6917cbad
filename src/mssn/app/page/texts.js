// Every word that the page says. Another language is another file like this one.

const locale = "en";
const number = new Intl.NumberFormat(locale);
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
const pictures = (count) => counted(count, "picture", "pictures");

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
  dropTitle: "Drop pictures here",
  dropFilms: "Drop pictures or films here",
  touchTitle: "Make pictures larger",
  touchHint: "One or many, from your photos or files",
  dropMore: "Drop or paste more",
  touchMore: "More pictures?",
  dropHint: "One, many, or whole folders. Pasting works, too.",
  choose: "Choose pictures",
  chooseFolder: "Choose a folder",
  pictures: "Pictures",
  zipAll: "Download all",
  cancelAll: "Cancel all",
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
  compareHint: "Drag the line to compare, the picture to move it. Arrow keys work, too.",
  list: "Your pictures",
};

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

export const times = (factor) => `${number.format(factor)}×`;

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
export function privacy(kind, host) {
  const here = "Your pictures never leave this device";
  if (kind === "browser") return [here, "This page computes in your browser, and sends nothing anywhere."];
  if (["localhost", "127.0.0.1", "[::1]"].includes(host)) {
    return [here, "The app on this computer enlarges them, and sends nothing anywhere."];
  }
  return [
    `Your pictures go to ${host}`,
    `The app on ${host} enlarges them, and sends nothing anywhere else.`,
  ];
}

export const machine = ({ kind, cores }) =>
  `${kind === "browser" ? "Computed in this browser" : "Computed by the app"} on ` +
  counted(cores, "core", "cores");

const errors = {
  "not-a-picture": "This file is not a picture that can be read.",
  unsupported: "Pictures of this kind cannot be read here.",
  "too-large": "This picture is too large to be enlarged here.",
  offline: "The network for this is not stored yet. Connect to the internet once, then try again.",
  busy: "Too many pictures are waiting. Try again in a moment.",
  gone: "What enlarges the pictures has stopped.",
  failed: "Something went wrong.",
};

/** What an error is in words, and what the engine says of it besides ("is an icon": of the file). */
export function errorWords({ code, message }) {
  const known = code in errors;
  const more = message && message !== code ? message.replace(/^is /, "It is ") : "";
  return [errors[known ? code : "failed"], more];
}

export const startFailed = (error) =>
  ["The page could not get ready.", ...errorWords(error)].join(" ").trim();
export const goneBanner = (kind) =>
  kind === "server"
    ? "The app does not answer. Start mssn again on this computer and open the address that it prints; " +
      "then what is waiting here can go on."
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

export const count = (done, all) =>
  done === all ? pictures(all) : `${number.format(done)} of ${pictures(all)}`;
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
export const zipping = "Packing";
export const zipName = "enlarged.zip";
export const pastedName = (type) => `pasted.${{ "image/jpeg": "jpg" }[type] ?? type.split("/")[1] ?? "png"}`;

/** Names of files that were passed over, in one line. */
export function passedOver(names) {
  const shown = names.slice(0, 5).join(", ");
  const more = names.length > 5 ? ` and ${number.format(names.length - 5)} more` : "";
  return `Passed over, not ${names.length === 1 ? "a picture" : "pictures"}: ${shown}${more}`;
}

export const title = (open, share) => (open ? `${percent(share)} · mssn` : "mssn: enlarge pictures");

export const said = {
  added: (count) => `${pictures(count)} added`,
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
