// Asks for a link to a private file, with a token, and opens it: node link-with-token.mjs KEY
import { writeFile } from "node:fs/promises";
import { basename } from "node:path";

const key = process.argv[2];
const answer = await fetch(`${process.env.API_URL}/links`, {
  method: "POST",
  headers: { authorization: `Bearer ${process.env.TOKEN}`, "content-type": "application/json" },
  body: JSON.stringify({ key, check: true }),
});
const link = await answer.json();
if (!answer.ok) {
  console.error(link.detail ?? link.message);
  process.exit(1);
}
console.log("The link works until", link.expires_at);
const file = await fetch(link.url);
if (!file.ok) throw new Error(`S3 answered ${file.status}`);
await writeFile(basename(key), file.body);
