//! What a grant does not allow of an upload, and what S3 does not take.

use link_rules::access::{TAGGING, UploadRules};
use link_rules::upload::{MAX_PUT_BYTES, MIN_FORM_EXPIRES_IN};

use super::UploadError;
use super::request::{NewUpload, Step, UploadRequest};

/// Checks a request under the rules of its grant.
///
/// # Errors
///
/// [`UploadError::NotAllowed`] says what the grant allows, [`UploadError::Field`] what S3 does not take.
pub(super) fn check(request: &UploadRequest, rules: &UploadRules) -> Result<(), UploadError> {
    if let Some(size) = request.step.size()
        && size > rules.max_size
    {
        return Err(UploadError::NotAllowed(format!(
            "The file has {size} bytes, and the grant allows {}. Send a smaller one, or ask the operator \
             for a larger \"max_size\" in GRANTS.",
            rules.max_size
        )));
    }
    let (Step::Put(new) | Step::Form(new) | Step::Create(new)) = &request.step else {
        return Ok(());
    };
    check_new(new, rules)?;
    let has = |is_wanted: fn(&str) -> bool| new.headers.iter().any(|(name, _)| is_wanted(name));
    let problem = match &request.step {
        Step::Form(_) if !rules.forms => {
            return Err(UploadError::NotAllowed(
                "The grant allows no forms. Upload with PUT, or ask the operator for \"forms\": true in \
                 GRANTS."
                    .to_owned(),
            ));
        }
        Step::Form(_) if request.window.expires_in < MIN_FORM_EXPIRES_IN => format!(
            "expires_in: {}; a form needs {MIN_FORM_EXPIRES_IN} s at least, because servers judge its end \
             when all of its fields have arrived",
            request.window.expires_in
        ),
        // S3 takes them as XML, in the field `tagging`. Source: Amazon S3 API reference, `POST Object`.
        Step::Form(_) if has(|name| name == TAGGING) => {
            "headers: a form's tags are XML, which is not signed here; leave x-amz-tagging out"
                .to_owned()
        }
        Step::Create(_) if has(|name| name.starts_with("x-amz-checksum-")) => {
            "headers: a file in parts has no checksum before its parts; leave x-amz-checksum-… out"
                .to_owned()
        }
        Step::Put(_) | Step::Form(_) if new.size.is_some_and(|size| size > MAX_PUT_BYTES) => {
            format!(
                "size: one request uploads {MAX_PUT_BYTES} bytes at most; upload the file in parts"
            )
        }
        _ => return Ok(()),
    };
    Err(UploadError::Field(problem))
}

/// Checks what all requests have that begin an object.
fn check_new(new: &NewUpload, rules: &UploadRules) -> Result<(), UploadError> {
    if !rules.admit_content_type(&new.content_type) {
        return Err(UploadError::NotAllowed(format!(
            "The grant allows no file of the type {:?}. Ask the operator for it in \"content_types\" in \
             GRANTS.",
            new.content_type
        )));
    }
    for (name, value) in &new.headers {
        rules
            .check_header(name, value)
            .map_err(|why| UploadError::NotAllowed(format!("The header {name:?} {why}.")))?;
    }
    Ok(())
}
