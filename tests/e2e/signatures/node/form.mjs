// Signs forms with AWS's SDK for JavaScript. Standard input has a list of what each form must have, and standard output
// gets the list of the forms: url and fields.
import { S3Client } from "@aws-sdk/client-s3";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";

const RealDate = Date;
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const made = [];
for (const { credentials, region, now, ...form } of JSON.parse(Buffer.concat(chunks))) {
  // The SDK has no argument for the time of signing.
  globalThis.Date = class extends RealDate {
    constructor(...words) {
      super(...(words.length ? words : [now]));
    }
    static now() {
      return now;
    }
  };
  made.push(await createPresignedPost(new S3Client({ region, credentials }), form));
}
process.stdout.write(JSON.stringify(made));
