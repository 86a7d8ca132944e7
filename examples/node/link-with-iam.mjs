// Asks for a link to a private file, signed with IAM, and opens it: node link-with-iam.mjs KEY
import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { Sha256 } from "@aws-crypto/sha256-js";
import { fromNodeProviderChain } from "@aws-sdk/credential-providers";
import { SignatureV4 } from "@smithy/signature-v4";

const key = process.argv[2];
const url = new URL(`${process.env.API_URL}/links`);
const signer = new SignatureV4({
  service: "execute-api",
  region: process.env.AWS_REGION,
  credentials: fromNodeProviderChain(),
  sha256: Sha256,
});
const signed = await signer.sign({
  method: "POST",
  path: url.pathname,
  headers: { host: url.host, "content-type": "application/json" },
  body: JSON.stringify({ key, check: true }),
});
const answer = await fetch(url, signed);
const link = await answer.json();
if (!answer.ok) {
  console.error(link.detail ?? link.message);
  process.exit(1);
}
console.log("The link works until", link.expires_at);
const file = await fetch(link.url);
if (!file.ok) throw new Error(`S3 answered ${file.status}`);
await writeFile(basename(key), file.body);
