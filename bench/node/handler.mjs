// The same function with the AWS SDK for JavaScript v3.
//
// It does less than ours: it looks no grant up, proves nothing about the session, signs no link id
// in and logs nothing. Its client is made once, outside of the handler, as the SDK's guide says.

import { randomUUID } from "node:crypto";

import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const grant = JSON.parse(process.env.GRANTS)[0];
const s3 = new S3Client({ region: grant.region });

// Answers a POST to /links or to /links/batch.
export async function handle(event) {
  const body = JSON.parse(event.body);
  const answer =
    event.rawPath === "/links/batch" ? { links: await Promise.all(body.links.map(link)) } : await link(body);
  return {
    statusCode: 200,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body: JSON.stringify(answer),
    isBase64Encoded: false,
  };
}

// One link, in the shape of ours.
async function link(wanted) {
  const bucket = wanted.bucket ?? grant.bucket;
  const expiresIn = Math.min(wanted.expires_in ?? 3600, 604800);
  const command = new GetObjectCommand({ Bucket: bucket, Key: wanted.key });
  return {
    url: await getSignedUrl(s3, command, { expiresIn }),
    link_id: randomUUID(),
    method: "GET",
    bucket,
    key: wanted.key,
    expires_at: new Date(Math.floor(Date.now() / 1000 + expiresIn) * 1000).toISOString().replace(".000", ""),
    expires_in: expiresIn,
    requested_expires_in: wanted.expires_in ?? 3600,
    limited_by: "request",
    session: { evidence: "assumed" },
    proven: false,
  };
}
