//! The check: opens a link once before it is given.

use link_rules::access::Principal;
use link_rules::object::ObjectRef;
use link_rules::policy::S3Request;

use super::tags::KeptBack;
use super::{
    Form, LinkError, Links, PolicyContext, Prepared, is_there, other_spelling, probe, tags,
};
use crate::invocation::Invocation;
use crate::presign::Side;

impl Links {
    /// Opens the link once, and learns from S3 when the object ends. What is opened is a link for the S3
    /// that the function calls, which need not be where the caller's link leads.
    pub(super) async fn check<'a>(
        &self,
        prepared: Prepared<'a>,
        principal: &Principal,
        invocation: &Invocation,
    ) -> Result<Prepared<'a>, LinkError> {
        let link = self.sign_from(Side::Inside, &prepared, invocation)?;
        let answer = probe(&self.aws, &link.url, link.method, invocation).await;
        let answer = answer.map_err(|reason| {
            LinkError::Upstream(format!("S3 could not be asked whether the link opens: {reason}"))
        })?;
        if answer.is_missing()
            && let Some(form) = self.other_form(&prepared, principal, invocation).await
            && let Some(reason) = answer.why_not()
        {
            return Err(LinkError::ObjectUnavailable(format!("{reason} {}", form.hint())));
        }
        if answer.is_denied()
            && let Some(kept_back) = self.kept_back(&prepared, invocation).await
            && let Some(reason) = answer.why_not()
        {
            return Err(match kept_back {
                KeptBack::BeingScanned(why) => LinkError::BeingScanned(format!("{reason} {why}")),
                KeptBack::ByTheScan(why) => LinkError::ObjectUnavailable(format!("{reason} {why}")),
            });
        }
        let answer = answer.opened()?;
        let rules_end = self.lifecycle.end(
            prepared.object(),
            &answer,
            prepared.opens_when_old.then_some(&self.versions),
            &prepared.credentials,
            invocation,
        );
        let version_id = prepared.request.version_id.as_deref();
        let ends = [prepared.object_end, answer.end.of(version_id), rules_end.await];
        let object_end = ends.into_iter().flatten().min();
        let is_checked_inside = self.aws.settings().s3_public_endpoint.is_some();
        Ok(Prepared { object_end, size: answer.size, is_checked_inside, ..prepared })
    }

    /// Why the bucket's policy keeps the object back, if it waits for a tag and the function may read tags.
    async fn kept_back(
        &self,
        prepared: &Prepared<'_>,
        invocation: &Invocation,
    ) -> Option<KeptBack> {
        let policy = prepared.policy.as_ref()?.policy.as_ref()?;
        let planned = PolicyContext {
            object: prepared.object(),
            request: S3Request::GetObject,
            session: &prepared.session,
            signer: prepared.signer.as_deref(),
        };
        let evaluation = self.policies.evaluate(policy, &planned, invocation.now());
        let wanted = tags::wanted(&evaluation)?;
        let credentials = &prepared.credentials;
        let of_object =
            tags::of(&self.aws, prepared.object(), credentials, invocation).await.ok()?;
        tags::why_kept_back(wanted, &of_object)
    }

    /// The form of the missing key under which there is an object that the same grant covers.
    async fn other_form(
        &self,
        prepared: &Prepared<'_>,
        principal: &Principal,
        invocation: &Invocation,
    ) -> Option<Form> {
        let object = prepared.object();
        let (key, form) = other_spelling(object.key)?;
        if object.version_id.is_some() || !prepared.grant.covers(principal, &key) {
            return None;
        }
        let other = ObjectRef { key: &key, ..object };
        let credentials = &prepared.session.credentials;
        is_there(&self.aws, other, credentials, invocation).await.then_some(form)
    }
}
