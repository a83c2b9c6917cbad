// Notes what happens in the page, in milliseconds since it was opened. Put in before the page's own scripts.
const seen = { buttons: null, ready: null, pictures: [], frames: [], tasks: [] };
window.seen = seen;

window.Worker = class extends Worker {
  constructor(...how) {
    super(...how);
    if (!/[/]worker[.]/.test(String(how[0]))) return; // one that runs networks
    const picture = { began: performance.now(), opened: null, enlarged: null, done: null };
    seen.pictures.push(picture);
    this.addEventListener("message", ({ data }) => {
      const now = performance.now();
      if (data.asset?.endsWith(".onnx")) picture.opened ??= now; // decoded by then
      else if ("progress" in data) picture.enlarged = now;
      else if (data.done) picture.done = now;
    });
  }
};

new MutationObserver((_, observer) => {
  const now = performance.now();
  if (document.querySelector("#choose span")?.textContent) seen.buttons ??= now;
  if (document.querySelector("#privacy")?.hidden === false) seen.ready ??= now;
  if (seen.ready !== null) observer.disconnect();
}).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });

// Until the page is told to stop.
window.watchFrames = () => {
  seen.frames.length = seen.tasks.length = 0;
  window.watching = true;
  const note = () => {
    seen.frames.push(performance.now());
    if (window.watching) requestAnimationFrame(note);
  };
  requestAnimationFrame(note);
};
new PerformanceObserver((list) => {
  seen.tasks.push(...list.getEntries().map(({ duration }) => duration));
}).observe({ type: "longtask" });

window.until = (holds) =>
  new Promise((resolve) => {
    const look = () => (holds() ? resolve(true) : setTimeout(look, 20));
    look();
  });
