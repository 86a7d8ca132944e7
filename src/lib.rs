//! **s3-link-signer**: time-limited links to private S3 files that never promise a longer window
//! than their session has left.

pub mod window;
