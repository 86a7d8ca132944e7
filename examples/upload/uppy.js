import AwsS3 from "@uppy/aws-s3";
import Uppy from "@uppy/core";
import Dashboard from "@uppy/dashboard";
import "@uppy/core/css/style.min.css";
import "@uppy/dashboard/css/style.min.css";

import { asking } from "./api.js";

const field = (id) => document.getElementById(id).value.trim();
const ask = (...question) => asking(field("api"), () => field("token"))(...question);

const uppy = new Uppy();
uppy.use(Dashboard, { target: "#files", inline: true, width: "100%", height: 400, theme: "auto" });
uppy.use(AwsS3, {
  // The function makes the key. Until it has, uppy's key says which file a request is about.
  generateObjectKey: (file) => file.id,
  signRequest: (request) => {
    const file = uppy.getFiles().find((file) => file.s3Multipart?.key === request.key || file.id === request.key);
    // A file that was removed is not there any more. Its upload is aborted without a size.
    return ask("/uploads/sign", { ...request, name: file?.name, size: file?.size, contentType: file?.type });
  },
  shouldUseMultipart: (file) => file.size > 16 * 1024 * 1024,
});
