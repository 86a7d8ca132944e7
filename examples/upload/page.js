// The page: what a person chooses, presses and reads. upload.js does the work.

import { asking } from "./api.js";
import { discard, upload } from "./upload.js";

const part = (id) => document.getElementById(id);
const say = (text) => { part("status").textContent = text; };
const ask = (...question) => asking(part("api").value, () => part("token").value.trim())(...question);

// The browser keeps what it takes to go on after a reload. It has no token and nothing that is signed.
const UNFINISHED = "unfinished upload";
const unfinished = () => JSON.parse(localStorage.getItem(UNFINISHED));
const remember = (file, upload) =>
  localStorage.setItem(UNFINISHED, JSON.stringify({ ...upload, name: file.name, size: file.size, changed: file.lastModified }));
const forget = () => localStorage.removeItem(UNFINISHED);
const isSame = (file, { name, size, changed }) => file.name === name && file.size === size && file.lastModified === changed;

const kept = () => {
  const until = unfinished()?.keptUntil;
  return until ? `S3 keeps what was sent until ${new Date(until).toLocaleString()}.` : "";
};

let running = null;

// Shows the buttons that can be used now. If the one that was used is gone, the keyboard is at the next one.
function show() {
  const used = document.activeElement;
  part("go").textContent = unfinished() ? "Go on" : "Upload";
  part("go").hidden = Boolean(running);
  part("stop").hidden = !running;
  part("discard").hidden = Boolean(running) || !unfinished();
  part("progress").hidden = !running && !unfinished();
  if (used.hidden) part(running ? "stop" : "go").focus();
}

// Does something, and says how it ended.
async function run(action) {
  running = new AbortController();
  show();
  try {
    say(await action(running.signal));
  } catch (error) {
    say(error.name === "AbortError" ? `Stopped. ${kept()}`.trim() : error.message);
  }
  running = null;
  show();
}

document.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const [file] = part("file").files;
  const begun = unfinished();
  if (begun && !isSame(file, begun)) return say(`${begun.name} is not finished. Choose it to go on, or discard it.`);
  run(async (signal) => {
    say(`Uploading ${file.name}…`);
    const key = await upload(ask, file, {
      unfinished: begun,
      onBegun: (upload) => remember(file, upload),
      onProgress: (bytes) => { part("progress").value = bytes / file.size; },
      signal,
    });
    forget();
    return `S3 has the file as ${key}.`;
  });
});

part("stop").addEventListener("click", () => running.abort());

part("discard").addEventListener("click", () => run(async () => {
  await discard(ask, unfinished());
  forget();
  return "Discarded.";
}));

if (unfinished()) say(`${unfinished().name} is not finished. Choose it again to go on. ${kept()}`.trim());
show();
