//! What earlier grants give: who gets a link to what, for how long, and who gets none.

use fake_aws::FakeAws;
use s3_link_signer::Handler;
use serde_json::Value;

use super::fixtures::{Answer, Asked, all};
use super::function::{call, function};

/// What of the answer to a request for a link must stay.
pub(crate) async fn answer_of_a_link(
    function: &Handler,
    principal: &Value,
    path: &str,
    body: &Value,
) -> Answer {
    let response = call(function, principal, "POST", path, body).await;
    response.answer(&["code", "bucket", "key", "version_id", "expires_in", "limited_by"])
}

#[tokio::test]
async fn earlier_grants_give_what_they_gave() {
    for (environment, requests) in all::<Vec<Asked>>("links") {
        let aws = FakeAws::start().await;
        let function = function(&environment, &aws.endpoint());
        for Asked { principal, path, body, answer } in requests {
            let now = answer_of_a_link(&function, &principal, &path, &body).await;
            assert_eq!(now, answer, "{environment}: {principal} asks {path} for {body}");
        }
    }
}
