//! What S3 is asked about uploads: who may ask from a page, and two steps of an upload that is not there.
//!
//! S3 judges permissions before it looks for the upload (inferred),
//! so its answer `NoSuchUpload` says that the session may go on. Neither step can write or delete anything.

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::types::CorsRule;
use futures_util::future;

use super::super::s3_facts::{Finding, Lookup, UploadSteps};
use crate::aws::answered;
use crate::aws::presigned::PresignedRequest;
use crate::links::{StepAnswer, probe_step};
use crate::presign::Operation;
use crate::uploads::visit_requests;

/// The body of `CompleteMultipartUpload`, which must name a part.
const ONE_PART: &str = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Part>\
                        <PartNumber>1</PartNumber><ETag>none</ETag></Part></CompleteMultipartUpload>";

/// A step that is signed and not sent yet.
struct SignedStep {
    method: &'static str,
    url: String,
    headers: Vec<(String, String)>,
    body: &'static str,
}

impl Lookup<'_> {
    /// The bucket's CORS rules.
    pub(in super::super) async fn cors(&self, s3: &Client) -> Finding<Vec<CorsRule>> {
        self.check_is_bucket()?;
        match answered(s3.get_bucket_cors().bucket(self.bucket).send()).await {
            Ok(answer) => Ok(answer.cors_rules.unwrap_or_default()),
            Err(error) => self.absent(&error, "s3:GetBucketCORS").map(|()| Vec::new()),
        }
    }

    /// Sends the steps, signed as those of an upload are.
    pub(in super::super) async fn steps(&self, region: &str) -> Finding<UploadSteps> {
        if self.rules.is_none() {
            return Err("It was not looked at, because no grant covers the key.".to_owned());
        }
        let Ok(session) = &self.signing.session else {
            return Err("It was not looked at, because no session signs.".to_owned());
        };
        let (complete, list) = self.signed_steps(region, &session.credentials)?;
        let (complete, list) = future::join(self.send(complete), self.send(list)).await;
        Ok(UploadSteps { complete, list })
    }

    fn signed_steps(
        &self,
        region: &str,
        credentials: &Credentials,
    ) -> Finding<(SignedStep, SignedStep)> {
        let (mut complete, mut list) = (None, None);
        let Some(rules) = self.rules else { return Err(String::new()) };
        visit_requests(self.object_in(region), rules, |planned| {
            let Some(operation) = planned.operation else { return };
            let (step, body) = match operation {
                Operation::CompleteMultipartUpload(_) => (&mut complete, ONE_PART),
                Operation::ListParts(..) => (&mut list, ""),
                _ => return,
            };
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            *step = Some(self.sign(&operation, credentials).map(|url| SignedStep {
                method: operation.method(),
                url,
                headers: planned.headers.iter().map(owned).collect(),
                body,
            }));
        });
        match (complete, list) {
            (Some(complete), Some(list)) => Ok((complete?, list?)),
            _ => Err("No step of an upload was signed.".to_owned()),
        }
    }

    async fn send(&self, step: SignedStep) -> Result<StepAnswer, String> {
        let SignedStep { method, url, headers, body } = step;
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let request = PresignedRequest { method, url: &url, headers: &headers, body };
        probe_step(&self.links.aws, request, self.invocation).await
    }
}
