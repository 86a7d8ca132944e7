// The same function with the AWS SDK for JavaScript v3.
//
// It does less than s3-link-signer: it looks no grant up, knows nothing of the session, signs no link
// id into the URL and logs nothing. As the SDK's guide advises, the client is made once, outside of the
// handler.

import { randomUUID } from "node:crypto";

import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const grant = JSON.parse(process.env.GRANTS)[0];
const s3 = new S3Client({ region: grant.region });

// Answers POST /links and POST /links/batch.
export async function handle(event) {
  const body = JSON.parse(event.body);
  const response =
    event.rawPath === "/links/batch" ? { links: await Promise.all(body.links.map(link)) } : await link(body);
  return {
    statusCode: 200,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body: JSON.stringify(response),
    isBase64Encoded: false,
  };
}

// One link, with s3-link-signer's field names.
async function link(request) {
  const bucket = request.bucket ?? grant.bucket;
  const expiresIn = Math.min(request.expires_in ?? 3600, 604800);
  const command = new GetObjectCommand({ Bucket: bucket, Key: request.key });
  return {
    url: await getSignedUrl(s3, command, { expiresIn }),
    link_id: randomUUID(),
    method: "GET",
    bucket,
    key: request.key,
    expires_at: new Date(Math.floor(Date.now() / 1000 + expiresIn) * 1000).toISOString().replace(".000", ""),
    expires_in: expiresIn,
    requested_expires_in: request.expires_in ?? 3600,
    limited_by: "request",
    session: { evidence: "assumed" },
    proven: false,
  };
}
