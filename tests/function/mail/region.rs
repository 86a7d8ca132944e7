//! The region in which SES is asked.

use fake_aws::{FakeAws, Object, Operation};

use super::function::{function_with, handle, notification};

#[tokio::test]
async fn ses_is_asked_in_the_function_s_region_or_in_the_one_of_the_setting_and_nothing_else_is() {
    for (setting, expected) in [("", "eu-west-1"), ("us-east-1", "us-east-1")] {
        let aws = FakeAws::start().await;
        aws.put_object("files", "private-files/report.pdf", Object::of_size(7));
        let function = function_with(&aws, &[("MAIL_REGION", setting)]);
        handle(&function, &notification("private-files/report.pdf")).await.unwrap();
        let calls = aws.take_calls();
        let scope = |operation| {
            let call = calls.iter().find(|call| call.operation == operation).unwrap();
            call.header("authorization").unwrap().to_owned()
        };
        let sent = scope(Operation::SendEmail);
        assert!(sent.contains(&format!("/{expected}/ses/aws4_request")), "{sent}");
        let ledger = scope(Operation::UpdateItem);
        assert!(ledger.contains("/eu-west-1/dynamodb/aws4_request"), "{ledger}");
    }
}
