// Uploads a file to S3, in one request or in parts. Each request is signed when it is due, so an upload may last longer
// than any signature, any token, and any session of the signer's.

import { Refusal, request } from "./api.js";

// Larger files are sent in parts, so that after a break only a part is sent again.
const PARTS_FROM = 16 * 1024 * 1024;

const TRIES = 4;

/**
 * Uploads `file`, and returns its key. With `unfinished` it goes on with an upload in parts that was stopped.
 *
 * - `ask` asks the API (`asking` in api.js).
 * - `onBegun` is called with what `unfinished` is later. Keep it, and the upload can go on in another page.
 * - `onProgress` is called with the number of bytes that S3 has.
 * - `signal` stops the upload. What S3 has then stays there.
 */
export async function upload(ask, file, { unfinished, onBegun, onProgress, signal }) {
  if (unfinished) return sendParts(ask, file, unfinished, { onProgress, signal });
  const begun = await ask(
    "/uploads",
    { name: file.name, size: file.size, content_type: file.type, multipart: file.size > PARTS_FROM },
    signal,
  );
  if (!begun.multipart) {
    await send(begun, file, signal);
    return begun.key;
  }
  const { xml, headers } = await send(begun, null, signal);
  const { bucket, key, multipart } = begun;
  // Until when S3 keeps the parts, where a lifecycle rule of the bucket says so.
  const keptUntil = headers.get("x-amz-abort-date");
  unfinished = { bucket, key, uploadId: text(xml, "UploadId"), partSize: multipart.part_size, keptUntil };
  onBegun(unfinished);
  return sendParts(ask, file, unfinished, { onProgress, signal });
}

/** Has S3 forget the parts of an upload. It is no mistake if S3 has forgotten them already. */
export async function discard(ask, { bucket, key, uploadId }) {
  const abort = await ask("/uploads/sign", { method: "DELETE", bucket, key, uploadId });
  await send(abort).catch((error) => {
    if (error.status !== 404) throw error;
  });
}

async function sendParts(ask, file, { bucket, key, uploadId, partSize }, { onProgress, signal }) {
  // Signs a step of this upload and sends it at once. `size` is the whole file's: S3 gets the length of each part from it.
  const step = (method, more, body) =>
    repeated(async () => {
      const signed = await ask("/uploads/sign", { method, bucket, key, uploadId, size: file.size, ...more }, signal);
      return send(signed, body, signal);
    }, signal);
  const etags = await partsThatS3Has((marker) => step("GET", { partNumberMarker: marker }));
  const count = Math.ceil(file.size / partSize);
  for (let number = 1; number <= count; number++) {
    onProgress((number - 1) * partSize);
    if (etags.has(number)) continue;
    const part = file.slice((number - 1) * partSize, number * partSize);
    const etag = (await step("PUT", { partNumber: number }, part)).headers.get("etag");
    if (!etag) throw new Refusal("This page may not read the ETag of a part. The bucket's CORS must expose it.");
    etags.set(number, etag);
  }
  onProgress(file.size);
  await step("POST", {}, completion(etags, count));
  return key;
}

/** The ETags of the parts that S3 has, by number. S3 lists a thousand at a time. */
async function partsThatS3Has(list) {
  const etags = new Map();
  for (let marker = 0; ; ) {
    const { xml } = await list(marker);
    for (const part of xml.getElementsByTagName("Part")) etags.set(Number(text(part, "PartNumber")), text(part, "ETag"));
    if (text(xml, "IsTruncated") !== "true") return etags;
    marker = Number(text(xml, "NextPartNumberMarker"));
  }
}

/** The list of parts with which S3 makes the object. */
function completion(etags, count) {
  const part = (_, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etags.get(index + 1)}</ETag></Part>`;
  const parts = Array.from({ length: count }, part).join("");
  return `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts}</CompleteMultipartUpload>`;
}

/** Sends a signed request. The browser sends `content-length`, which is signed too, by itself. */
async function send({ method, url, headers }, body, signal) {
  const response = await request(url, { method, headers, body, signal }, "Check the network, and the bucket's CORS.");
  const xml = new DOMParser().parseFromString(await response.text(), "application/xml");
  // S3 may find out what is wrong after it has answered 200.
  if (!response.ok || xml.documentElement.tagName === "Error") {
    const [code, why] = [text(xml, "Code") ?? "", text(xml, "Message") ?? response.statusText];
    const hasEnded = code === "ExpiredToken" || why === "Request has expired";
    throw new Refusal(`S3 answered ${response.status} ${code}: ${why}`, response.status, hasEnded);
  }
  return { xml, headers: response.headers };
}

/** Does what may fail for a moment, up to four times. */
async function repeated(action, signal) {
  for (let tried = 1; ; tried++) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof Refusal && error.passes) || tried === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 2 ** tried * 500));
      signal?.throwIfAborted();
    }
  }
}

/** The text of the first element with this name. */
const text = (xml, name) => xml.getElementsByTagName(name)[0]?.textContent;
